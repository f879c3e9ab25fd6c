//! Standard output, whose reader may have seen enough (`| head`). What nobody reads is no fault of anybody: the command goes on to its end.

use std::fmt::Arguments;
use std::io::{self, Write};

/// As `print!`, which would panic when the reader has left.
macro_rules! show {
    ($($words:tt)*) => { $crate::printed::write(format_args!($($words)*)) };
}

/// As `println!`, which would panic when the reader has left.
macro_rules! show_line {
    () => { $crate::printed::write(format_args!("\n")) };
    ($($words:tt)*) => { $crate::printed::write(format_args!("{}\n", format_args!($($words)*))) };
}

pub(crate) fn write(words: Arguments<'_>) {
    let _unread = io::stdout().lock().write_fmt(words);
}
