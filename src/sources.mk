# Written by tools/sources; "make" does so when a source comes or goes.

segmsg_engine_sources = \
	src/base/cache.c \
	src/base/cache.h \
	src/base/clock.h \
	src/base/copy.h \
	src/base/copy_long.c \
	src/base/copy_long.h \
	src/base/error.c \
	src/base/error.h \
	src/base/line.h \
	src/base/number.c \
	src/base/number.h \
	src/base/processors.c \
	src/base/processors.h \
	src/base/random.c \
	src/base/random.h \
	src/engine/defaults.h \
	src/engine/guest.c \
	src/engine/guest.h \
	src/engine/lobby.c \
	src/engine/lobby.h \
	src/engine/look.h \
	src/engine/receiver.c \
	src/engine/receiver.h \
	src/engine/sender.c \
	src/engine/sender.h \
	src/engine/turns.c \
	src/engine/turns.h \
	src/engine/verify.c \
	src/queue/geometry.c \
	src/queue/geometry.h \
	src/queue/layout.h \
	src/queue/region.c \
	src/queue/region.h \
	src/queue/registry.c \
	src/queue/registry.h \
	src/queue/slab.h \
	src/queue/split_work.h \
	src/queue/spsc_ring.h \
	src/queue/verdict.h \
	src/rma/proof.c \
	src/rma/proof.h \
	src/rma/source.c \
	src/rma/source.h \
	src/rma/target.c \
	src/rma/target.h \
	src/rma/wire.h \
	src/transfer/choice.c \
	src/transfer/choice.h \
	src/transfer/help.c \
	src/transfer/help.h
segmsg_machine_sources = \
	src/copier/cma.c \
	src/copier/cma.h \
	src/fabric/keepalive.c \
	src/fabric/keepalive.h \
	src/fabric/ofi.c \
	src/fabric/ofi.h \
	src/fabric/ofi_library.c \
	src/fabric/ofi_library.h \
	src/fabric/ofi_select.c \
	src/memory/commit.c \
	src/memory/commit.h \
	src/memory/numa.c \
	src/memory/numa.h \
	src/memory/shm.c \
	src/memory/shm.h \
	src/memory/shm_domain.c \
	src/memory/shm_domain.h \
	src/memory/shm_file.c \
	src/memory/shm_file.h \
	src/memory/shm_map.c \
	src/memory/shm_map.h
segmsg_library_sources = \
	src/copier/cma.c \
	src/copier/cma.h \
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
	src/library/wait.c \
	src/memory/commit.c \
	src/memory/commit.h \
	src/memory/win.c \
	src/memory/win.h
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
