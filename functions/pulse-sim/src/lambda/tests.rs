mod function;
mod house;
mod mapping;
mod overload;
mod switching;
