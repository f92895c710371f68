//! A bounded set of small values, in the order they came.

/// At most `N` values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table<T, const N: usize> {
    slots: [Option<T>; N],
}

impl<T, const N: usize> Table<T, N> {
    pub(super) const fn new() -> Self {
        Self {
            slots: [const { None }; N],
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.slots.iter().all(Option::is_some)
    }

    /// False when there is no room.
    #[must_use]
    pub(super) fn insert(&mut self, value: T) -> bool {
        match self.slots.iter_mut().find(|slot| slot.is_none()) {
            Some(slot) => {
                *slot = Some(value);
                true
            }
            None => false,
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().flatten()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.slots.iter_mut().flatten()
    }

    pub(super) fn find(&self, which: impl FnMut(&&T) -> bool) -> Option<&T> {
        self.iter().find(which)
    }

    pub(super) fn find_mut(&mut self, which: impl FnMut(&&mut T) -> bool) -> Option<&mut T> {
        self.iter_mut().find(which)
    }

    pub(super) fn remove(&mut self, mut which: impl FnMut(&T) -> bool) {
        for slot in &mut self.slots {
            if slot.as_ref().is_some_and(&mut which) {
                *slot = None;
            }
        }
    }
}
