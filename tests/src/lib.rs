//! Nothing: the tests stand in `spec/`. A package needs a library or a program to have a build script's variables.
