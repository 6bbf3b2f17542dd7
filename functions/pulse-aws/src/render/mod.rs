//! Letters, written with minijinja.
