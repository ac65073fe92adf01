# Written by tools/sources; "make" does so when a source comes or goes.

segmsg_core_sources = \
	src/core/segmsg_cache.c \
	src/core/segmsg_cache.h \
	src/core/segmsg_choice.c \
	src/core/segmsg_choice.h \
	src/core/segmsg_clock.h \
	src/core/segmsg_copy.h \
	src/core/segmsg_copy_long.c \
	src/core/segmsg_copy_long.h \
	src/core/segmsg_defaults.h \
	src/core/segmsg_directory.h \
	src/core/segmsg_error.c \
	src/core/segmsg_error.h \
	src/core/segmsg_export.c \
	src/core/segmsg_export.h \
	src/core/segmsg_geometry.c \
	src/core/segmsg_geometry.h \
	src/core/segmsg_guest.c \
	src/core/segmsg_guest.h \
	src/core/segmsg_help.c \
	src/core/segmsg_help.h \
	src/core/segmsg_joint.h \
	src/core/segmsg_layout.h \
	src/core/segmsg_lobby.c \
	src/core/segmsg_lobby.h \
	src/core/segmsg_look.h \
	src/core/segmsg_number.c \
	src/core/segmsg_number.h \
	src/core/segmsg_proof.c \
	src/core/segmsg_proof.h \
	src/core/segmsg_receiver.c \
	src/core/segmsg_receiver.h \
	src/core/segmsg_run.h \
	src/core/segmsg_sender.c \
	src/core/segmsg_sender.h \
	src/core/segmsg_source.c \
	src/core/segmsg_source.h \
	src/core/segmsg_table.c \
	src/core/segmsg_table.h \
	src/core/segmsg_targets.c \
	src/core/segmsg_targets.h \
	src/core/segmsg_turns.c \
	src/core/segmsg_turns.h \
	src/core/segmsg_verdict.h \
	src/core/segmsg_verify.c \
	src/core/segmsg_wire.h
segmsg_interconnect_sources = \
	src/interconnect/segmsg_commit.c \
	src/interconnect/segmsg_commit.h \
	src/interconnect/segmsg_keepalive.c \
	src/interconnect/segmsg_keepalive.h \
	src/interconnect/segmsg_kernel_copy.c \
	src/interconnect/segmsg_kernel_copy.h \
	src/interconnect/segmsg_numa.c \
	src/interconnect/segmsg_numa.h \
	src/interconnect/segmsg_ofi.c \
	src/interconnect/segmsg_ofi.h \
	src/interconnect/segmsg_ofi_library.c \
	src/interconnect/segmsg_ofi_library.h \
	src/interconnect/segmsg_ofi_select.c \
	src/interconnect/segmsg_processors.c \
	src/interconnect/segmsg_processors.h \
	src/interconnect/segmsg_random.c \
	src/interconnect/segmsg_random.h \
	src/interconnect/segmsg_shm.c \
	src/interconnect/segmsg_shm.h \
	src/interconnect/segmsg_shm_domain.c \
	src/interconnect/segmsg_shm_domain.h \
	src/interconnect/segmsg_shm_file.c \
	src/interconnect/segmsg_shm_file.h \
	src/interconnect/segmsg_shm_map.c \
	src/interconnect/segmsg_shm_map.h
segmsg_library_sources = \
	src/interconnect/segmsg_commit.c \
	src/interconnect/segmsg_commit.h \
	src/interconnect/segmsg_kernel_copy.c \
	src/interconnect/segmsg_kernel_copy.h \
	src/interconnect/segmsg_random.c \
	src/interconnect/segmsg_random.h \
	src/interconnect/segmsg_win.c \
	src/interconnect/segmsg_win.h \
	src/library/alive.c \
	src/library/arrive.c \
	src/library/close.c \
	src/library/joint.c \
	src/library/keep.c \
	src/library/large.c \
	src/library/library.h \
	src/library/match.c \
	src/library/match.h \
	src/library/open.c \
	src/library/options.c \
	src/library/plan.c \
	src/library/poll.c \
	src/library/receive.c \
	src/library/requests.c \
	src/library/reserve.c \
	src/library/send.c \
	src/library/statistics.c \
	src/library/text.c \
	src/library/wait.c
segmsg_library_headers = \
	src/library/segmsg.h
segmsg_btl_sources = \
	src/btl/btl_segmsg.h \
	src/btl/btl_segmsg_agree.c \
	src/btl/btl_segmsg_callers.c \
	src/btl/btl_segmsg_compat.h \
	src/btl/btl_segmsg_component.c \
	src/btl/btl_segmsg_copy.c \
	src/btl/btl_segmsg_endpoint.c \
	src/btl/btl_segmsg_frag.c \
	src/btl/btl_segmsg_joint.c \
	src/btl/btl_segmsg_modex.c \
	src/btl/btl_segmsg_net.c \
	src/btl/btl_segmsg_net.h \
	src/btl/btl_segmsg_net_alive.c \
	src/btl/btl_segmsg_net_control.c \
	src/btl/btl_segmsg_net_count.c \
	src/btl/btl_segmsg_net_gather.c \
	src/btl/btl_segmsg_net_gather.h \
	src/btl/btl_segmsg_net_in_place.c \
	src/btl/btl_segmsg_net_link.c \
	src/btl/btl_segmsg_net_params.c \
	src/btl/btl_segmsg_net_progress.c \
	src/btl/btl_segmsg_net_rdma.c \
	src/btl/btl_segmsg_ob1.c \
	src/btl/btl_segmsg_ob1.h \
	src/btl/btl_segmsg_params.c \
	src/btl/btl_segmsg_params.def \
	src/btl/btl_segmsg_pieces.c \
	src/btl/btl_segmsg_procs.c \
	src/btl/btl_segmsg_progress.c \
	src/btl/btl_segmsg_pvars.c \
	src/btl/btl_segmsg_rdma.c \
	src/btl/btl_segmsg_rdma.h \
	src/btl/btl_segmsg_report.c \
	src/btl/btl_segmsg_send.c \
	src/btl/btl_segmsg_serve.c \
	src/btl/btl_segmsg_variables.c \
	src/btl/btl_segmsg_variables.h \
	src/btl/btl_segmsg_verify.c \
	src/btl/btl_segmsg_way.h
segmsg_inspect_sources = \
	src/tools/segmsg_find.c \
	src/tools/segmsg_find.h \
	src/tools/segmsg_inspect.c \
	src/tools/segmsg_inspect.h \
	src/tools/segmsg_inspect_json.c \
	src/tools/segmsg_inspect_text.c \
	src/tools/segmsg_snapshot.c \
	src/tools/segmsg_snapshot.h \
	src/tools/segmsg_traffic.c \
	src/tools/segmsg_traffic.h \
	src/tools/segmsg_transfers.c \
	src/tools/segmsg_transfers.h
segmsg_programs = segmsg-inspect
segmsg_help = src/btl/help-btl-segmsg.txt
