//! Whole replicas: under misfortune, and step by step.

mod cluster;
mod oracle;
mod simulation;
