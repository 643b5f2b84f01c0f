//! Lab, faults, run loop, run store and command line.
