; gaussian_error_unit
declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, i32, <16 x i1>, <16 x float>)
declare i64 @llvm.smin.i64(i64, i64)
declare void @llvm.masked.store.v16f32.p0(<16 x float>, ptr, i32, <16 x i1>)
define void @kernel(ptr noalias %pointers, ptr noalias %numbers, i64 %begin, i64 %end, ptr noalias %scratch) nounwind {
entry:
  %base0_cell = getelementptr ptr, ptr %pointers, i64 0
  %base0 = load ptr, ptr %base0_cell
  %base1_cell = getelementptr ptr, ptr %pointers, i64 1
  %base1 = load ptr, ptr %base1_cell
  %v1 = sub nsw i64 %end, %begin
  %v2 = and i64 %v1, -16
  %v3 = add nsw i64 %begin, %v2
  br label %enter0
enter0:
  br label %head0
head0:
  %i0 = phi i64 [ %begin, %enter0 ], [ %i0_next, %latch0 ]
  %i0_on = icmp slt i64 %i0, %v3
  br i1 %i0_on, label %body0, label %exit0
body0:
  %p4 = getelementptr float, ptr %base0, i64 %i0
  %v5 = load <16 x float>, ptr %p4, align 4
  %v6 = fmul <16 x float> %v5, splat (float 0x3FE0000000000000)
  %v7 = fmul <16 x float> %v5, splat (float 0x3FE6A09E60000000)
  %v8 = fcmp ole <16 x float> %v7, splat (float 0xC010666660000000)
  %v9 = select <16 x i1> %v8, <16 x float> splat (float 0xC010666660000000), <16 x float> %v7
  %v10 = fcmp oge <16 x float> %v9, splat (float 0x4010666660000000)
  %v11 = select <16 x i1> %v10, <16 x float> splat (float 0x4010666660000000), <16 x float> %v9
  %v12 = fmul <16 x float> %v11, %v11
  %v13 = fmul <16 x float> %v12, splat (float 0x3EC120E060000000)
  %v14 = fadd contract <16 x float> %v13, splat (float 0x3F32AA0C00000000)
  %v15 = fmul <16 x float> %v14, %v12
  %v16 = fadd contract <16 x float> %v15, splat (float 0x3F6EF5FCA0000000)
  %v17 = fmul <16 x float> %v16, %v12
  %v18 = fadd contract <16 x float> %v17, splat (float 0x3FAB073E80000000)
  %v19 = fmul <16 x float> %v18, %v12
  %v20 = fadd contract <16 x float> %v19, splat (float 0x3FC86B7EE0000000)
  %v21 = fmul <16 x float> %v20, %v12
  %v22 = fadd contract <16 x float> %v21, splat (float 0x3FF20DD740000000)
  %v23 = fmul <16 x float> %v12, splat (float 0x3F03EC9240000000)
  %v24 = fadd contract <16 x float> %v23, splat (float 0x3F5316F780000000)
  %v25 = fmul <16 x float> %v24, %v12
  %v26 = fadd contract <16 x float> %v25, splat (float 0x3F8EB6C540000000)
  %v27 = fmul <16 x float> %v26, %v12
  %v28 = fadd contract <16 x float> %v27, splat (float 0x3FBD3FE100000000)
  %v29 = fmul <16 x float> %v28, %v12
  %v30 = fadd contract <16 x float> %v29, splat (float 0x3FE013B900000000)
  %v31 = fmul <16 x float> %v30, %v12
  %v32 = fadd contract <16 x float> %v31, splat (float 0x3FF0000000000000)
  %v33 = fdiv <16 x float> %v22, %v32
  %v34 = fmul <16 x float> %v11, %v33
  %v35 = fcmp ole <16 x float> %v34, splat (float 0xBFF0000000000000)
  %v36 = select <16 x i1> %v35, <16 x float> splat (float 0xBFF0000000000000), <16 x float> %v34
  %v37 = fcmp oge <16 x float> %v36, splat (float 0x3FF0000000000000)
  %v38 = select <16 x i1> %v37, <16 x float> splat (float 0x3FF0000000000000), <16 x float> %v36
  %v39 = fadd contract <16 x float> splat (float 0x3FF0000000000000), %v38
  %v40 = fmul <16 x float> %v6, %v39
  %p41 = getelementptr float, ptr %base1, i64 %i0
  store <16 x float> %v40, ptr %p41, align 4
  br label %latch0
latch0:
  %i0_next = add nsw i64 %i0, 16
  br label %head0, !llvm.loop !1001
exit0:
  br label %enter1
enter1:
  br label %head1
head1:
  %i1 = phi i64 [ %v3, %enter1 ], [ %i1_next, %latch1 ]
  %i1_on = icmp slt i64 %i1, %end
  br i1 %i1_on, label %body1, label %exit1
body1:
  %v42 = sub nsw i64 %end, %i1
  %v43 = call i64 @llvm.smin.i64(i64 %v42, i64 16)
  %v44 = trunc i64 %v43 to i32
  %v45 = insertelement <16 x i32> poison, i32 %v44, i64 0
  %v46 = shufflevector <16 x i32> %v45, <16 x i32> poison, <16 x i32> zeroinitializer
  %v47 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v46
  %p48 = getelementptr float, ptr %base0, i64 %i1
  %v49 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p48, i32 4, <16 x i1> %v47, <16 x float> zeroinitializer)
  %v50 = fmul <16 x float> %v49, splat (float 0x3FE0000000000000)
  %v51 = fmul <16 x float> %v49, splat (float 0x3FE6A09E60000000)
  %v52 = fcmp ole <16 x float> %v51, splat (float 0xC010666660000000)
  %v53 = select <16 x i1> %v52, <16 x float> splat (float 0xC010666660000000), <16 x float> %v51
  %v54 = fcmp oge <16 x float> %v53, splat (float 0x4010666660000000)
  %v55 = select <16 x i1> %v54, <16 x float> splat (float 0x4010666660000000), <16 x float> %v53
  %v56 = fmul <16 x float> %v55, %v55
  %v57 = fmul <16 x float> %v56, splat (float 0x3EC120E060000000)
  %v58 = fadd contract <16 x float> %v57, splat (float 0x3F32AA0C00000000)
  %v59 = fmul <16 x float> %v58, %v56
  %v60 = fadd contract <16 x float> %v59, splat (float 0x3F6EF5FCA0000000)
  %v61 = fmul <16 x float> %v60, %v56
  %v62 = fadd contract <16 x float> %v61, splat (float 0x3FAB073E80000000)
  %v63 = fmul <16 x float> %v62, %v56
  %v64 = fadd contract <16 x float> %v63, splat (float 0x3FC86B7EE0000000)
  %v65 = fmul <16 x float> %v64, %v56
  %v66 = fadd contract <16 x float> %v65, splat (float 0x3FF20DD740000000)
  %v67 = fmul <16 x float> %v56, splat (float 0x3F03EC9240000000)
  %v68 = fadd contract <16 x float> %v67, splat (float 0x3F5316F780000000)
  %v69 = fmul <16 x float> %v68, %v56
  %v70 = fadd contract <16 x float> %v69, splat (float 0x3F8EB6C540000000)
  %v71 = fmul <16 x float> %v70, %v56
  %v72 = fadd contract <16 x float> %v71, splat (float 0x3FBD3FE100000000)
  %v73 = fmul <16 x float> %v72, %v56
  %v74 = fadd contract <16 x float> %v73, splat (float 0x3FE013B900000000)
  %v75 = fmul <16 x float> %v74, %v56
  %v76 = fadd contract <16 x float> %v75, splat (float 0x3FF0000000000000)
  %v77 = fdiv <16 x float> %v66, %v76
  %v78 = fmul <16 x float> %v55, %v77
  %v79 = fcmp ole <16 x float> %v78, splat (float 0xBFF0000000000000)
  %v80 = select <16 x i1> %v79, <16 x float> splat (float 0xBFF0000000000000), <16 x float> %v78
  %v81 = fcmp oge <16 x float> %v80, splat (float 0x3FF0000000000000)
  %v82 = select <16 x i1> %v81, <16 x float> splat (float 0x3FF0000000000000), <16 x float> %v80
  %v83 = fadd contract <16 x float> splat (float 0x3FF0000000000000), %v82
  %v84 = fmul <16 x float> %v50, %v83
  %p85 = getelementptr float, ptr %base1, i64 %i1
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v84, ptr %p85, i32 4, <16 x i1> %v47)
  br label %latch1
latch1:
  %i1_next = add nsw i64 %i1, 16
  br label %head1, !llvm.loop !1002
exit1:
  ret void
}
!1000 = !{!"llvm.loop.unroll.disable"}
!1001 = distinct !{!1001, !1000}
!1002 = distinct !{!1002, !1000}
