//! Two segment trees over fixed places; every operation costs O(log n), a report as much.

/// How many things cover each of many places, and which places nothing covers any longer: each is reported once.
pub(super) struct Covers {
    size: usize,
    /// Per node, the least number below it, and what is to be added to everything below (already in the former).
    nodes: Vec<(i32, i32)>,
}

const REPORTED: i32 = i32::MAX / 2;

impl Covers {
    /// The tree, and the places that nothing covers from the beginning. A place without a number is never reported.
    pub(super) fn new(numbers: impl ExactSizeIterator<Item = Option<u32>>) -> (Covers, Vec<u32>) {
        let size = numbers.len().next_power_of_two();
        let mut nodes = vec![(REPORTED, 0); 2 * size];
        let mut bare = Vec::new();
        for (place, number) in numbers.enumerate() {
            match number {
                Some(0) => bare.push(place as u32),
                Some(number) => nodes[size + place].0 = number as i32,
                None => {}
            }
        }
        for node in (1..size).rev() {
            nodes[node].0 = nodes[2 * node].0.min(nodes[2 * node + 1].0);
        }
        (Covers { size, nodes }, bare)
    }

    /// Reports this place no more.
    pub(super) fn leave_out(&mut self, place: u32) {
        let mut node = self.size + place as usize;
        self.nodes[node].0 = REPORTED;
        while node > 1 {
            node /= 2;
            let (_, pending) = self.nodes[node];
            self.nodes[node].0 = self.nodes[2 * node].0.min(self.nodes[2 * node + 1].0) + pending;
        }
    }

    /// Takes one cover off the places `from .. to`; adds those that nothing covers now to `bare`, in order.
    pub(super) fn uncover(&mut self, from: u32, to: u32, bare: &mut Vec<u32>) {
        if from < to {
            self.uncover_below(1, 0, self.size as u32, from, to, 0, bare);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a recursion over a tree: node, its range, the range asked for")]
    fn uncover_below(
        &mut self,
        node: usize,
        begin: u32,
        end: u32,
        from: u32,
        to: u32,
        above: i32,
        bare: &mut Vec<u32>,
    ) {
        if to <= begin || end <= from {
            return;
        }
        let (least, pending) = self.nodes[node];
        if from <= begin && end <= to {
            if least + above > 1 {
                self.nodes[node] = (least - 1, pending - 1);
                return;
            }
            if end - begin == 1 {
                bare.push(begin);
                self.nodes[node] = (REPORTED, 0);
                return;
            }
        }
        let middle = begin.midpoint(end);
        self.uncover_below(2 * node, begin, middle, from, to, above + pending, bare);
        self.uncover_below(2 * node + 1, middle, end, from, to, above + pending, bare);
        self.nodes[node].0 = self.nodes[2 * node].0.min(self.nodes[2 * node + 1].0) + pending;
    }
}

/// Numbers at fixed places that change; the largest of a range, and some place in a range with a number above a bound.
pub(super) struct Largest {
    size: usize,
    nodes: Vec<u32>,
}

impl Largest {
    pub(super) fn new(numbers: impl ExactSizeIterator<Item = u32>) -> Largest {
        let size = numbers.len().next_power_of_two();
        let mut nodes = vec![0; 2 * size];
        for (node, number) in nodes[size..].iter_mut().zip(numbers) {
            *node = number;
        }
        for node in (1..size).rev() {
            nodes[node] = nodes[2 * node].max(nodes[2 * node + 1]);
        }
        Largest { size, nodes }
    }

    pub(super) fn get(&self, place: u32) -> u32 {
        self.nodes[self.size + place as usize]
    }

    pub(super) fn set(&mut self, place: u32, number: u32) {
        let mut node = self.size + place as usize;
        self.nodes[node] = number;
        while node > 1 {
            node /= 2;
            let largest = self.nodes[2 * node].max(self.nodes[2 * node + 1]);
            if self.nodes[node] == largest {
                return;
            }
            self.nodes[node] = largest;
        }
    }

    pub(super) fn largest(&self, from: u32, to: u32) -> u32 {
        let (mut low, mut high) = (self.size + from as usize, self.size + to as usize);
        let mut largest = 0;
        while low < high {
            if low % 2 == 1 {
                largest = largest.max(self.nodes[low]);
                low += 1;
            }
            if high % 2 == 1 {
                high -= 1;
                largest = largest.max(self.nodes[high]);
            }
            low /= 2;
            high /= 2;
        }
        largest
    }

    pub(super) fn find(&self, from: u32, to: u32, above: u32) -> Option<u32> {
        let (mut low, mut high) = (self.size + from as usize, self.size + to as usize);
        while low < high {
            if low % 2 == 1 {
                if self.nodes[low] > above {
                    return Some(self.descend(low, above));
                }
                low += 1;
            }
            if high % 2 == 1 {
                high -= 1;
                if self.nodes[high] > above {
                    return Some(self.descend(high, above));
                }
            }
            low /= 2;
            high /= 2;
        }
        None
    }

    fn descend(&self, mut node: usize, above: u32) -> u32 {
        while node < self.size {
            node = 2 * node + usize::from(self.nodes[2 * node] <= above);
        }
        (node - self.size) as u32
    }
}
