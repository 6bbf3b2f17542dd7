use ratatui::layout::Rect;

/// Rows of the screen that nothing is on yet.
pub(super) struct Rows(Rect);

impl Rows {
    /// All of these.
    pub(super) fn of(area: Rect) -> Self {
        Self(area)
    }

    /// How many there are.
    pub(super) fn left(&self) -> u16 {
        self.0.height
    }

    /// The topmost ones, as many of them as there are.
    pub(super) fn top(&mut self, rows: u16) -> Rect {
        let rows = rows.min(self.0.height);
        let taken = Rect { height: rows, ..self.0 };
        self.0.y += rows;
        self.0.height -= rows;
        taken
    }

    /// The lowest ones, as many of them as there are.
    pub(super) fn bottom(&mut self, rows: u16) -> Rect {
        let rows = rows.min(self.0.height);
        self.0.height -= rows;
        Rect { y: self.0.y + self.0.height, height: rows, ..self.0 }
    }
}
