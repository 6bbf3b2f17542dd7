//! Stand-ins for the two providers.
