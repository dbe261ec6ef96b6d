# Apache Arrow's Parquet library, which is optional: Debian 12 has none.
#
# lpmc_find_parquet() sets LPMC_PARQUET_TARGETS, the targets to link; empty where there is none.
#   LPMC_WITH_PARQUET  AUTO (use it where it is found), ON (fail without it), OFF
#   LPMC_ARROW_ROOT    Arrow's prefix, or the folder of the Python package pyarrow, which brings headers and
#                      libraries
# Apache's own packages (libarrow-dev, libparquet-dev), conda's and vcpkg's are found by themselves.
include(CheckCXXSourceCompiles)

set(LPMC_WITH_PARQUET AUTO CACHE STRING "Read and write Parquet, by Apache Arrow: AUTO, ON or OFF")
set_property(CACHE LPMC_WITH_PARQUET PROPERTY STRINGS AUTO ON OFF)
set(LPMC_ARROW_ROOT "" CACHE PATH "Where Arrow is: its prefix, or the folder of the Python package pyarrow")

# The libraries of pyarrow as a target. They carry their version's number and have no link without it.
function(lpmc_add_pyarrow root result)
  file(GLOB arrow "${root}/libarrow.so*" "${root}/libarrow.[0-9]*.dylib")
  file(GLOB parquet "${root}/libparquet.so*" "${root}/libparquet.[0-9]*.dylib")
  if(NOT arrow OR NOT parquet OR NOT EXISTS "${root}/include/parquet/arrow/reader.h")
    return()
  endif()
  list(GET arrow 0 arrow)
  list(GET parquet 0 parquet)
  add_library(lpmc_pyarrow INTERFACE IMPORTED GLOBAL)
  set_target_properties(lpmc_pyarrow PROPERTIES
    INTERFACE_INCLUDE_DIRECTORIES "${root}/include"
    INTERFACE_LINK_LIBRARIES "${parquet};${arrow}")
  set(${result} lpmc_pyarrow PARENT_SCOPE)
endfunction()

function(lpmc_find_parquet)
  set(targets "")
  if(NOT LPMC_WITH_PARQUET STREQUAL "OFF")
    if(LPMC_ARROW_ROOT)
      lpmc_add_pyarrow("${LPMC_ARROW_ROOT}" targets)
    endif()
    if(NOT targets)
      find_package(Arrow CONFIG QUIET HINTS "${LPMC_ARROW_ROOT}")
      find_package(Parquet CONFIG QUIET HINTS "${LPMC_ARROW_ROOT}")
      if(TARGET Parquet::parquet_shared)
        set(targets Parquet::parquet_shared Arrow::arrow_shared)
      elseif(TARGET Parquet::parquet_static)
        set(targets Parquet::parquet_static Arrow::arrow_static)
      endif()
    endif()
  endif()
  if(targets)
    string(MAKE_C_IDENTIFIER "LPMC_PARQUET_WORKS_${LPMC_ARROW_ROOT}" works)  # kept for this root only
    # Arrow's functions changed what they return; this also sees a library that does not link.
    set(CMAKE_REQUIRED_LIBRARIES ${targets})
    set(CMAKE_REQUIRED_FLAGS "${CMAKE_CXX20_STANDARD_COMPILE_OPTION}")
    check_cxx_source_compiles("
      #include <arrow/api.h>
      #include <parquet/arrow/reader.h>
      int main() {
        parquet::arrow::FileReaderBuilder builder;
        auto reader = builder.Build().ValueOrDie();
        return reader->GetRecordBatchReader({0}, {0}).ok() ? 0 : 1;
      }" ${works})
    if(NOT ${works})
      set(targets "")
    endif()
  endif()
  if(LPMC_WITH_PARQUET STREQUAL "ON" AND NOT targets)
    message(FATAL_ERROR "LPMC_WITH_PARQUET=ON: expected Apache Arrow's Parquet library, found none that works "
      "(LPMC_ARROW_ROOT='${LPMC_ARROW_ROOT}'). Apache's libparquet-dev, or: pip install --target DIR pyarrow "
      "and -DLPMC_ARROW_ROOT=DIR/pyarrow")
  endif()
  set(LPMC_PARQUET_TARGETS "${targets}" PARENT_SCOPE)
endfunction()
