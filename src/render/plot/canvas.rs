//! Dots in the terminal: each character is a field of two by four of them (Unicode's braille patterns).

/// Dots of a character, across and down.
pub(super) const DOTS: (usize, usize) = (2, 4);

/// A field of dots, with marks over them.
#[derive(Debug, Clone)]
pub(super) struct Canvas {
    /// Characters across.
    pub(super) width: usize,
    /// Characters down.
    pub(super) height: usize,
    cells: Vec<Cell>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    dots: u8,
    mark: Option<char>,
    /// The curve that the cell shows.
    owner: usize,
}

impl Canvas {
    pub(super) fn new(width: usize, height: usize) -> Self {
        Self { width, height, cells: vec![Cell::default(); width * height] }
    }

    /// Dots across.
    pub(super) const fn across(&self) -> usize {
        self.width * DOTS.0
    }

    /// Dots down.
    pub(super) const fn down(&self) -> usize {
        self.height * DOTS.1
    }

    fn cell(&mut self, x: i64, y: i64) -> Option<&mut Cell> {
        let (x, y) = (usize::try_from(x).ok()?, usize::try_from(y).ok()?);
        if x >= self.across() || y >= self.down() {
            return None;
        }
        self.cells.get_mut(y / DOTS.1 * self.width + x / DOTS.0)
    }

    /// A dot; the origin is at the left above. What lies outside is not drawn.
    pub(super) fn dot(&mut self, x: i64, y: i64, owner: usize) {
        if let Some(cell) = self.cell(x, y) {
            // The bits go down the left column, then the right one; the fourth row came later.
            let bit = match (x % 2, y % 4) {
                (0, 3) => 6,
                (_, 3) => 7,
                (0, row) => row,
                (_, row) => row + 3,
            };
            cell.dots |= 1 << bit;
            cell.owner = owner;
        }
    }

    /// Dots from one height to another.
    pub(super) fn upright(&mut self, x: i64, from: i64, to: i64, owner: usize) {
        let (low, high) = (from.min(to).max(0), from.max(to).min(self.down() as i64 - 1));
        for y in low..=high {
            self.dot(x, y, owner);
        }
    }

    /// Every so manieth dot of a level line.
    pub(super) fn level(&mut self, from: i64, to: i64, y: i64, every: i64, owner: usize) {
        for x in from.max(0)..=to.min(self.across() as i64 - 1) {
            if x % every == 0 {
                self.dot(x, y, owner);
            }
        }
    }

    /// A character over the dots.
    pub(super) fn mark(&mut self, x: i64, y: i64, mark: char, owner: usize) {
        if let Some(cell) = self.cell(x, y) {
            cell.mark = Some(mark);
            cell.owner = owner;
        }
    }

    /// A row in runs of one owner each; spaces belong to whoever stands before them.
    pub(super) fn row(&self, y: usize) -> Vec<(usize, String)> {
        let mut runs: Vec<(usize, String)> = Vec::new();
        let cells = self.cells.chunks(self.width.max(1)).nth(y).unwrap_or_default();
        for cell in cells {
            let c = match (cell.mark, cell.dots) {
                (Some(mark), _) => mark,
                (None, 0) => ' ',
                (None, dots) => char::from_u32(0x2800 + u32::from(dots)).unwrap_or(' '),
            };
            match runs.last_mut() {
                Some((owner, run)) if *owner == cell.owner || c == ' ' => run.push(c),
                _ => runs.push((cell.owner, c.to_string())),
            }
        }
        runs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(canvas: &Canvas) -> Vec<String> {
        (0..canvas.height).map(|y| canvas.row(y).into_iter().map(|(_, run)| run).collect()).collect()
    }

    #[test]
    fn each_dot_has_its_bit() {
        let mut canvas = Canvas::new(1, 1);
        let mut seen = Vec::new();
        for (x, y) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (0, 3), (1, 3)] {
            canvas.dot(x, y, 0);
            seen.push(text(&canvas)[0].clone());
        }
        assert_eq!(seen, ["⠁", "⠃", "⠇", "⠏", "⠟", "⠿", "⡿", "⣿"]);
    }

    #[test]
    fn what_lies_outside_is_not_drawn() {
        let mut canvas = Canvas::new(2, 1);
        for (x, y) in [(-1, 0), (4, 0), (0, -1), (0, 4), (i64::MAX, i64::MIN)] {
            canvas.dot(x, y, 0);
            canvas.mark(x, y, 'X', 0);
        }
        canvas.upright(0, i64::MIN, -1, 0);
        canvas.level(4, i64::MAX, 0, 1, 0);
        assert_eq!(text(&canvas), ["  "]);
    }

    #[test]
    fn lines_are_drawn_and_marks_stand_over_them() {
        let mut canvas = Canvas::new(3, 2);
        canvas.level(0, 5, 4, 1, 1);
        canvas.upright(5, 0, 7, 2);
        canvas.mark(2, 5, 'R', 3);
        assert_eq!(text(&canvas), ["  ⢸", "⠉R⢹"]);
        assert_eq!(canvas.row(1), [(1, "⠉".to_owned()), (3, "R".to_owned()), (2, "⢹".to_owned())]);
    }
}
