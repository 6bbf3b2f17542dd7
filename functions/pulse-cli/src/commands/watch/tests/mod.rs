mod drawing;
mod fixtures;
mod updating;
