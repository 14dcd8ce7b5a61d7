//! The white before and behind a code, without which the end of another code or of a text looks like one.

use super::edges::Edges;

/// Whether the line is light for `width` pixels before the dark edge `place`, or begins there.
pub(super) fn before(edges: &Edges, place: usize, width: f32) -> bool {
    let Some(before) = place.checked_sub(1) else { return true };
    matches!((edges.at.get(before), edges.at.get(place)), (Some(one), Some(two)) if width <= two - one)
}

/// Whether the line is light for `width` pixels behind the light edge `place`, or ends there.
pub(super) fn behind(edges: &Edges, place: usize, width: f32) -> bool {
    match (edges.at.get(place), edges.at.get(place + 1)) {
        (Some(one), Some(two)) => width <= two - one,
        (here, _) => here.is_some(),
    }
}
