//! HTTP, as every door uses it.

mod body;
mod brake;
mod limited;
mod slow;
