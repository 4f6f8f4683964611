//! A file of plain names and what each stands for.
