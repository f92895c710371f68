//! Whole-system scenarios of OneCode.
