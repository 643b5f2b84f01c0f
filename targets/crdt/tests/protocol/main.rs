//! Whole replicas: under misfortune, and step by step.

mod golden;
mod oracle;
mod simulation;
