//! Whole replicas: under misfortune, and step by step.

mod cluster;
mod golden;
mod oracle;
mod simulation;
