#pragma once

#include <functional>
#include <string>
#include <vector>

namespace lpmc::cli {

/// The frame of a program: locale, signals of broken pipes and full disks, the log's sink; failures become
/// a message on stderr and an exit code, results that could not be written are one.
int run_program(const std::function<int()>& run);

/// The path of another of lpmc's programs: beside this one, else on PATH, as git finds its own; empty
/// where there is none.
std::string find_program(const std::string& name);

/// Runs a program (a path) with its output in a file, and waits for its end. Signals that this program
/// blocks reach it.
/// @return its exit code; 128 + signal when one ended it
/// @throws Error(io) when it cannot be run
int run_quietly(const std::vector<std::string>& arguments, const std::string& output);

}  // namespace lpmc::cli
