mod function;
mod mapping;
mod overload;
mod stack;
mod switching;
