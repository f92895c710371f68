//! The OneCode purse and its links, from microcontrollers to Linux.
