//! Registry, purses and settlement of OneCode.
