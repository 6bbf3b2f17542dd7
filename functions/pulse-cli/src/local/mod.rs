//! Pulse on this machine: emulator, deployment, stand-ins, progress and summary.
