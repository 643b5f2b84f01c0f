//! Drawings as inline SVG: the space-time diagrams of anomalies and the plots over the whole run.
//!
//! Colours come from the style sheet by class, so one drawing serves light, dark and print. What a colour says is
//! said a second time by shape or pattern.

pub(crate) mod curve;
pub(crate) mod cycle;
pub(crate) mod diagram;
pub(crate) mod elastic;
pub(crate) mod fault_class;
pub(crate) mod plots;
pub(crate) mod scene;
