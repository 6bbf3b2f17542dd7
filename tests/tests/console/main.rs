//! The console over ports in memory: what its pages tell and cost, and how they look in a browser.

mod actions;
mod campaigns;
mod endpoints;
mod figures;
mod game;
mod oidc;
mod openapi;
mod pages;
mod reads;
mod seen;
mod tables;
