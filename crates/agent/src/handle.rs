//! What one handle asks for.
