//! Strings cut into the pieces that were written.

use rustc_hash::FxHashMap;

/// No piece.
const NONE: u32 = u32::MAX;

/// What was put and appended: each piece with the row that wrote it.
#[derive(Default)]
pub(super) struct Pieces {
    puts: Table,
    appends: Table,
}

/// The ways in which a string is made of pieces.
pub(super) enum Cut {
    /// It is not.
    Impossible,
    /// One way: the put that it begins with, if it does with one, and the appends.
    One(Option<u32>, Vec<u32>),
    /// More than one.
    Several,
}

impl Pieces {
    /// Adds a piece that is not empty; false when it was written before in the same way.
    pub(super) fn add(&mut self, puts: bool, piece: &str, row: u32) -> bool {
        let table = if puts { &mut self.puts } else { &mut self.appends };
        table.add(piece.as_bytes(), row)
    }

    /// The rows of all pieces, in no particular order.
    pub(super) fn rows(&self) -> impl Iterator<Item = u32> + '_ {
        let mut rows: Vec<u32> = self.puts.rows.values().chain(self.appends.rows.values()).copied().collect();
        rows.sort_unstable();
        rows.into_iter()
    }

    /// Cuts a string in every way, counting ways up to two. Takes time in the places that can be reached, times the
    /// lengths that pieces have.
    pub(super) fn cut(&self, text: &str) -> Cut {
        let text = text.as_bytes();
        // Per place: in how many ways it is reached, and by which piece.
        let mut ways = vec![0_u8; text.len() + 1];
        let mut by = vec![(NONE, 0_u32); text.len() + 1];
        ways[0] = 1;
        for (row, length) in self.puts.at(text) {
            ways[length] += 1;
            by[length] = (row, length as u32);
        }
        for place in 0..text.len() {
            if ways[place] == 0 {
                continue;
            }
            for (row, length) in self.appends.at(&text[place..]) {
                ways[place + length] = (ways[place + length] + ways[place]).min(2);
                by[place + length] = (row, length as u32);
            }
        }
        match ways[text.len()] {
            0 => return Cut::Impossible,
            1 => {}
            _ => return Cut::Several,
        }
        let mut appends = Vec::new();
        let mut place = text.len();
        while place > 0 {
            let (row, length) = by[place];
            place -= length as usize;
            appends.push(row);
        }
        appends.reverse();
        let put = appends.first().copied().filter(|row| self.puts.wrote(*row));
        if put.is_some() {
            appends.remove(0);
        }
        Cut::One(put, appends)
    }
}

/// Pieces by their bytes.
#[derive(Default)]
struct Table {
    rows: FxHashMap<Box<[u8]>, u32>,
    /// The lengths that occur, in order.
    lengths: Vec<usize>,
    written: rustc_hash::FxHashSet<u32>,
}

impl Table {
    fn add(&mut self, piece: &[u8], row: u32) -> bool {
        if let Err(place) = self.lengths.binary_search(&piece.len()) {
            self.lengths.insert(place, piece.len());
        }
        self.written.insert(row);
        self.rows.insert(Box::from(piece), row).is_none()
    }

    fn wrote(&self, row: u32) -> bool {
        self.written.contains(&row)
    }

    /// The pieces that a text begins with: their rows and lengths.
    fn at<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = (u32, usize)> + 'a {
        let fitting = self.lengths.iter().take_while(|&&length| length <= text.len());
        fitting.filter_map(|&length| Some((*self.rows.get(&text[..length])?, length)))
    }
}
