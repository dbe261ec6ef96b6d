# cmake -DWEB=web -DWORK=FOLDER -DNPM=npm -DREQUIRED=ON|AUTO -DOUTPUT=FILE.cpp -P build_page.cmake
# Builds the page in a copy of its sources, so that build folders share nothing, and writes it as C++.
# An empty NPM gives an empty page; so does a failure, with a warning, unless REQUIRED is ON.

cmake_minimum_required(VERSION 3.22)

# Runs npm in WORK. Leaves with an empty page, or ends the build, where it fails.
macro(run_npm what)
  execute_process(
    COMMAND ${NPM} ${ARGN} WORKING_DIRECTORY ${WORK}
    RESULT_VARIABLE result OUTPUT_VARIABLE said ERROR_VARIABLE said)
  if(NOT result EQUAL 0)
    if(REQUIRED STREQUAL "ON")
      message(FATAL_ERROR "${what} failed (${result}):\n${said}")
    endif()
    message(WARNING "The server is built without its page: ${what} failed (${result}). "
      "-DLPMC_BUILD_PAGE=ON makes this an error, OFF leaves the page out.\n${said}")
    set(DIST "")
    include(${CMAKE_CURRENT_LIST_DIR}/embed_page.cmake)
    return()
  endif()
endmacro()

file(MAKE_DIRECTORY ${WORK})
set(DIST "")
if(NPM)
  file(REMOVE_RECURSE ${WORK}/src ${WORK}/public ${WORK}/dist)
  file(COPY ${WEB}/src ${WEB}/public ${WEB}/index.html ${WEB}/vite.config.ts ${WEB}/tsconfig.json
    ${WEB}/package.json ${WEB}/package-lock.json DESTINATION ${WORK})
  # Packages are fetched again only when their list has changed.
  file(SHA256 ${WEB}/package-lock.json wanted)
  set(installed "")
  if(EXISTS ${WORK}/installed)
    file(READ ${WORK}/installed installed)
  endif()
  if(NOT installed STREQUAL wanted)
    run_npm("npm ci" ci --ignore-scripts --no-audit --no-fund --loglevel=error)
    file(WRITE ${WORK}/installed ${wanted})
  endif()
  run_npm("npm run build" run --silent build -- --logLevel warn)
  set(DIST ${WORK}/dist)
endif()
include(${CMAKE_CURRENT_LIST_DIR}/embed_page.cmake)
