//! What the launcher may do and the programs that it becomes may not.

use anyhow::{Context, Result};
use rustix::thread::{
    CapabilitySet, CapabilitySets, clear_ambient_capability_set, set_capabilities,
};

/// Drops them all, for this process and all that come from it.
pub(crate) fn drop_all() -> Result<()> {
    let none = CapabilitySet::empty();
    let none = CapabilitySets {
        effective: none,
        permitted: none,
        inheritable: none,
    };
    clear_ambient_capability_set()
        .and_then(|()| set_capabilities(None, none))
        .context("cannot drop capabilities")
}
