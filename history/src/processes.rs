//! Something for each process, found fast.

use rustc_hash::FxHashMap;

/// Processes below this are kept in a vector, which is then at most this long: no hashing for them.
const DENSE: u32 = 1 << 16;

/// A map from processes.
#[derive(Clone, Debug)]
pub(crate) struct PerProcess<T> {
    dense: Vec<Option<T>>,
    sparse: FxHashMap<u32, T>,
}

impl<T> Default for PerProcess<T> {
    fn default() -> PerProcess<T> {
        PerProcess { dense: Vec::new(), sparse: FxHashMap::default() }
    }
}

impl<T> PerProcess<T> {
    /// What the process has.
    #[inline]
    pub(crate) fn get(&self, process: u32) -> Option<&T> {
        if process < DENSE { self.dense.get(process as usize)?.as_ref() } else { self.sparse.get(&process) }
    }

    /// Gives it to the process, instead of what it had.
    #[inline]
    pub(crate) fn insert(&mut self, process: u32, what: T) {
        if process >= DENSE {
            self.sparse.insert(process, what);
            return;
        }
        let index = process as usize;
        if index >= self.dense.len() {
            self.dense.resize_with(index + 1, || None);
        }
        self.dense[index] = Some(what);
    }

    /// Takes what the process has.
    #[inline]
    pub(crate) fn remove(&mut self, process: u32) -> Option<T> {
        if process < DENSE { self.dense.get_mut(process as usize)?.take() } else { self.sparse.remove(&process) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_process_has_its_own() {
        let mut map = PerProcess::default();
        let processes = [0, 7, DENSE - 1, DENSE, DENSE + 1, u32::MAX];
        for process in processes {
            assert_eq!(map.get(process), None);
            assert_eq!(map.remove(process), None);
            map.insert(process, process);
            map.insert(process, process / 2);
        }
        for process in processes {
            assert_eq!(map.get(process), Some(&(process / 2)));
            assert_eq!(map.remove(process), Some(process / 2));
            assert_eq!(map.get(process), None);
        }
        assert_eq!(map.get(8), None);
    }
}
