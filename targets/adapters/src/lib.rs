//! The targets as the harness sees them: command lines, clients, interfaces.
