# lpmc_embed_page(TARGET): builds the page (web/) with npm and compiles it into TARGET, which then
# defines lpmc::page_assets(). Where the page cannot be built the list is empty: the server serves
# the API alone and says how to get the page.

set(LPMC_BUILD_PAGE AUTO CACHE STRING
  "The web page inside the server: ON (needs npm, and its packages from the network once), OFF, or AUTO: \
a warning where that fails")
set_property(CACHE LPMC_BUILD_PAGE PROPERTY STRINGS AUTO ON OFF)

function(lpmc_embed_page target)
  set(page_dir ${PROJECT_BINARY_DIR}/web)
  set(generated ${page_dir}/page_assets.cpp)
  set(scripts ${PROJECT_SOURCE_DIR}/cmake/build_page.cmake ${PROJECT_SOURCE_DIR}/cmake/embed_page.cmake)
  find_program(LPMC_NPM npm)
  set(npm ${LPMC_NPM})
  if(NOT LPMC_BUILD_PAGE)
    set(npm "")
  elseif(NOT npm)
    set(npm "")
    if(LPMC_BUILD_PAGE STREQUAL "ON")
      message(FATAL_ERROR "LPMC_BUILD_PAGE is ON: expected npm (Debian: nodejs npm), found none")
    endif()
    message(STATUS "lpmc: the server is built without its page: npm (Debian: nodejs npm) is not there")
  endif()
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/web/src/* ${PROJECT_SOURCE_DIR}/web/public/*)
  foreach(file index.html vite.config.ts tsconfig.json package.json package-lock.json)
    list(APPEND sources ${PROJECT_SOURCE_DIR}/web/${file})
  endforeach()
  add_custom_command(
    OUTPUT ${generated}
    COMMAND ${CMAKE_COMMAND} -DWEB=${PROJECT_SOURCE_DIR}/web -DWORK=${page_dir} -DNPM=${npm}
            -DREQUIRED=${LPMC_BUILD_PAGE} -DOUTPUT=${generated} -P ${PROJECT_SOURCE_DIR}/cmake/build_page.cmake
    DEPENDS ${sources} ${scripts}
    COMMENT "The page"
    VERBATIM)
  target_sources(${target} PRIVATE ${generated})
endfunction()
