//! What clients do, and what must hold afterwards.
