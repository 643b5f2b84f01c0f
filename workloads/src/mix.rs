//! Who reads and who updates.
//!
//! By default half of the clients mostly read: a client that waits for its update at a node that is cut off sees
//! nothing of what that node says. Clients are spread over the nodes in order, so each half of them reaches every node.

use rashomon_spec::draw::Draw;
use rashomon_spec::workload::{GeneratorSpec, WorkloadOption};

use crate::options;

/// The option that says how operations are mixed.
pub(crate) const OPTION: WorkloadOption = WorkloadOption {
    name: "mix",
    default: "roles",
    meaning: "`roles`: half of the clients mostly read, half mostly write; for all alike: `even`, `reads`, `writes`",
};

/// How likely each client is to read.
pub(crate) struct Mix {
    clients: u32,
    /// For the first and the second half of the clients.
    reads: [f64; 2],
}

const EVEN: f64 = 0.45;
const MOSTLY_READ: f64 = 0.88;
const MOSTLY_WRITE: f64 = 0.2;

impl Mix {
    /// As the option says.
    pub(crate) fn new(spec: &GeneratorSpec) -> Result<Mix, String> {
        let reads = match options::word(&spec.options, OPTION.name, &["roles", "even", "reads", "writes"])? {
            "even" => [EVEN, EVEN],
            "reads" => [MOSTLY_READ, MOSTLY_READ],
            "writes" => [MOSTLY_WRITE, MOSTLY_WRITE],
            _ => [MOSTLY_WRITE, MOSTLY_READ],
        };
        Ok(Mix { clients: spec.clients, reads })
    }

    /// Whether a client reads next.
    pub(crate) fn reads(&self, client: u32, draw: &mut Draw) -> bool {
        let half = usize::from(self.clients > 1 && client >= self.clients / 2);
        draw.chance(self.reads[half])
    }
}
