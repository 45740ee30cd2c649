# Flowgrad for CMake: find_package(flowgrad) makes the target flowgrad::flowgrad.
include(CMakeFindDependencyMacro)
find_dependency(absl)
find_dependency(Protobuf)
find_dependency(TBB)
find_dependency(Threads)
find_dependency(ZLIB)

# Libraries that come without a package for CMake.
set(_flowgrad_libraries "")
foreach(_flowgrad_name isal minizip xxhash)
  find_library(FLOWGRAD_${_flowgrad_name} ${_flowgrad_name})
  mark_as_advanced(FLOWGRAD_${_flowgrad_name})
  if(NOT FLOWGRAD_${_flowgrad_name})
    set(flowgrad_FOUND FALSE)
    set(flowgrad_NOT_FOUND_MESSAGE "flowgrad needs the library ${_flowgrad_name} (lib${_flowgrad_name}-dev)")
    return()
  endif()
  list(APPEND _flowgrad_libraries ${FLOWGRAD_${_flowgrad_name}})
endforeach()

get_filename_component(_flowgrad_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
if(NOT TARGET flowgrad::flowgrad)
  add_library(flowgrad::flowgrad STATIC IMPORTED)
  set_target_properties(flowgrad::flowgrad PROPERTIES
    IMPORTED_LOCATION "${_flowgrad_prefix}/lib/libflowgrad.a"
    INTERFACE_COMPILE_FEATURES cxx_std_20
    INTERFACE_INCLUDE_DIRECTORIES "${_flowgrad_prefix}/include/flowgrad"
    INTERFACE_LINK_LIBRARIES "absl::cleanup;absl::flat_hash_map;absl::function_ref;absl::hash;absl::inlined_vector;absl::span;absl::status;absl::statusor;absl::str_format;absl::strings;absl::synchronization;absl::time;protobuf::libprotobuf;TBB::tbb;Threads::Threads;ZLIB::ZLIB;${_flowgrad_libraries}")
endif()
