//! Work shared out to threads. Whatever is made of it must not depend on how many there are.

use std::sync::Mutex;

/// Works on each item, on so many threads; whoever is free takes the next one. Returns what each thread made.
pub(crate) fn share_out<T: Send, M: Default + Send>(
    threads: usize,
    items: impl Iterator<Item = T> + Send,
    work: impl Fn(T, &mut M) + Sync,
) -> Vec<M> {
    let items = Mutex::new(items);
    let next = || items.lock().expect("a checker thread does not panic").next();
    let run = || {
        let mut made = M::default();
        while let Some(item) = next() {
            work(item, &mut made);
        }
        made
    };
    if threads <= 1 {
        return vec![run()];
    }
    std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let mut made = vec![run()];
        made.extend(others.into_iter().map(|other| other.join().expect("a checker thread does not panic")));
        made
    })
}
