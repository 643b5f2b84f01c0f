//! Checkers of replicas that agree only later: the smallest bad history for each anomaly, a good one next to it, what
//! is no evidence, and agreement with brute force.

#[path = "eventual/convergence.rs"]
mod convergence;
#[path = "eventual/ends_scope.rs"]
mod ends_scope;
#[path = "eventual/knowledge.rs"]
mod knowledge;
#[path = "eventual/linearizable_carts.rs"]
mod linearizable_carts;
#[path = "eventual/reference.rs"]
mod reference;
#[path = "eventual/register.rs"]
mod register;
#[path = "eventual/registers_scope.rs"]
mod registers_scope;
#[path = "eventual/script.rs"]
mod script;
#[path = "eventual/small_scope.rs"]
mod small_scope;
#[path = "eventual/smallest.rs"]
mod smallest;
#[path = "eventual/staleness_scope.rs"]
mod staleness_scope;
