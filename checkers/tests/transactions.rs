//! The checker of transactions against definitions, published examples and planted anomalies.

#[path = "transactions/lists.rs"]
mod lists;
#[path = "transactions/names.rs"]
mod names;
#[path = "transactions/reference.rs"]
mod reference;
#[path = "transactions/registers.rs"]
mod registers;
#[path = "transactions/small.rs"]
mod small;
