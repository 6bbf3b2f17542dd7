//! The stages with their real code, on the ports in memory: every promise, and what could break it.

mod audit;
mod calls;
mod crashes;
mod dead_letters;
mod deliver;
mod dropped_mails;
mod enrollment;
mod failures;
mod faults;
mod feedback;
mod forgetting;
mod happy;
mod holds;
mod items;
mod mortal;
mod outbox;
mod panics;
mod planning;
mod preview;
mod redrive;
mod replay;
mod settlement;
mod sweep;
mod unsubscribe;
mod why;
