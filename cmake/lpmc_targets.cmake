# Functions that define the project's targets: one static library a folder, so that the link line
# repeats the layer table of scripts/check_layers.py.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)

add_library(lpmc_build_flags INTERFACE)
target_include_directories(lpmc_build_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(lpmc_build_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wcast-qual -fno-math-errno)
# GCC 12 warns of overlapping copies inside std::string where there are none (its bug 105651).
target_compile_options(lpmc_build_flags INTERFACE
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>)
if(LPMC_WERROR)
  target_compile_options(lpmc_build_flags INTERFACE -Werror)
endif()
if(LPMC_SANITIZE)
  target_compile_options(lpmc_build_flags INTERFACE
    -fsanitize=${LPMC_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
  target_link_options(lpmc_build_flags INTERFACE -fsanitize=${LPMC_SANITIZE})
endif()
if(LPMC_BUILD_FUZZERS)
  target_compile_options(lpmc_build_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# lpmc_folder(NAME SOURCES a.cpp ... [LINK public...] [PRIVATE private...])
# The library lpmc_<NAME> of the folder lpmc/<NAME>.
function(lpmc_folder name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK;PRIVATE" ${ARGN})
  add_library(lpmc_${name} STATIC ${arg_SOURCES})
  target_link_libraries(lpmc_${name} PUBLIC lpmc_build_flags ${arg_LINK} PRIVATE ${arg_PRIVATE})
endfunction()
