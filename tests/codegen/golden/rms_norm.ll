; times+reduce_sum+over+plus+rsqrt
declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, i32, <16 x i1>, <16 x float>)
declare float @llvm.sqrt.f32(float)
declare i64 @llvm.smin.i64(i64, i64)
declare void @llvm.masked.store.v16f32.p0(<16 x float>, ptr, i32, <16 x i1>)
define void @kernel(ptr noalias %pointers, ptr noalias %numbers, i64 %begin, i64 %end, ptr noalias %scratch) nounwind {
entry:
  %num0_cell = getelementptr i64, ptr %numbers, i64 0
  %num0 = load double, ptr %num0_cell
  %num1_cell = getelementptr i64, ptr %numbers, i64 1
  %num1 = load double, ptr %num1_cell
  %size0_cell = getelementptr i64, ptr %numbers, i64 2
  %size0 = load i64, ptr %size0_cell
  %size1_cell = getelementptr i64, ptr %numbers, i64 3
  %size1 = load i64, ptr %size1_cell
  %size2_cell = getelementptr i64, ptr %numbers, i64 4
  %size2 = load i64, ptr %size2_cell
  %base0_cell = getelementptr ptr, ptr %pointers, i64 0
  %base0 = load ptr, ptr %base0_cell
  %base1_cell = getelementptr ptr, ptr %pointers, i64 1
  %base1 = load ptr, ptr %base1_cell
  %base2_cell = getelementptr ptr, ptr %pointers, i64 2
  %base2 = load ptr, ptr %base2_cell
  %sum2_0 = alloca <16 x float>
  %sum2_1 = alloca <16 x float>
  %sum2_2 = alloca <16 x float>
  %sum2_3 = alloca <16 x float>
  %v1 = fptrunc double %num0 to float
  %v2 = fptrunc double %num1 to float
  br label %enter0
enter0:
  br label %head0
head0:
  %i0 = phi i64 [ %begin, %enter0 ], [ %i0_next, %latch0 ]
  %i0_on = icmp slt i64 %i0, %end
  br i1 %i0_on, label %body0, label %exit0
body0:
  %v3 = mul nsw i64 %i0, %size0
  %p4 = getelementptr float, ptr %base0, i64 %v3
  %v5 = mul nsw i64 %i0, %size1
  %p6 = getelementptr float, ptr %base2, i64 %v5
  store <16 x float> splat (float 0x0000000000000000), ptr %sum2_0
  store <16 x float> splat (float 0x0000000000000000), ptr %sum2_1
  store <16 x float> splat (float 0x0000000000000000), ptr %sum2_2
  store <16 x float> splat (float 0x0000000000000000), ptr %sum2_3
  %v7 = and i64 %size2, -64
  br label %enter1
enter1:
  br label %head1
head1:
  %i1 = phi i64 [ 0, %enter1 ], [ %i1_next, %latch1 ]
  %i1_on = icmp slt i64 %i1, %v7
  br i1 %i1_on, label %body1, label %exit1
body1:
  %p8 = getelementptr float, ptr %p4, i64 %i1
  %v9 = load <16 x float>, ptr %p8, align 4
  %v10 = fmul <16 x float> %v9, %v9
  %v11 = load <16 x float>, ptr %sum2_0
  %v12 = fadd contract <16 x float> %v11, %v10
  store <16 x float> %v12, ptr %sum2_0
  %v13 = add nsw i64 %i1, 16
  %p14 = getelementptr float, ptr %p4, i64 %v13
  %v15 = load <16 x float>, ptr %p14, align 4
  %v16 = fmul <16 x float> %v15, %v15
  %v17 = load <16 x float>, ptr %sum2_1
  %v18 = fadd contract <16 x float> %v17, %v16
  store <16 x float> %v18, ptr %sum2_1
  %v19 = add nsw i64 %i1, 32
  %p20 = getelementptr float, ptr %p4, i64 %v19
  %v21 = load <16 x float>, ptr %p20, align 4
  %v22 = fmul <16 x float> %v21, %v21
  %v23 = load <16 x float>, ptr %sum2_2
  %v24 = fadd contract <16 x float> %v23, %v22
  store <16 x float> %v24, ptr %sum2_2
  %v25 = add nsw i64 %i1, 48
  %p26 = getelementptr float, ptr %p4, i64 %v25
  %v27 = load <16 x float>, ptr %p26, align 4
  %v28 = fmul <16 x float> %v27, %v27
  %v29 = load <16 x float>, ptr %sum2_3
  %v30 = fadd contract <16 x float> %v29, %v28
  store <16 x float> %v30, ptr %sum2_3
  br label %latch1
latch1:
  %i1_next = add nsw i64 %i1, 64
  br label %head1, !llvm.loop !1002
exit1:
  br label %enter2
enter2:
  br label %head2
head2:
  %i2 = phi i64 [ %v7, %enter2 ], [ %i2_next, %latch2 ]
  %i2_on = icmp slt i64 %i2, %size2
  br i1 %i2_on, label %body2, label %exit2
body2:
  %v31 = sub nsw i64 %size2, %i2
  %v32 = call i64 @llvm.smin.i64(i64 %v31, i64 16)
  %v33 = trunc i64 %v32 to i32
  %v34 = insertelement <16 x i32> poison, i32 %v33, i64 0
  %v35 = shufflevector <16 x i32> %v34, <16 x i32> poison, <16 x i32> zeroinitializer
  %v36 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v35
  %p37 = getelementptr float, ptr %p4, i64 %i2
  %v38 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p37, i32 4, <16 x i1> %v36, <16 x float> zeroinitializer)
  %v39 = fmul <16 x float> %v38, %v38
  %v40 = select <16 x i1> %v36, <16 x float> %v39, <16 x float> splat (float 0x0000000000000000)
  %v41 = load <16 x float>, ptr %sum2_0
  %v42 = fadd contract <16 x float> %v41, %v40
  store <16 x float> %v42, ptr %sum2_0
  br label %latch2
latch2:
  %i2_next = add nsw i64 %i2, 16
  br label %head2, !llvm.loop !1003
exit2:
  %v43 = load <16 x float>, ptr %sum2_0
  %v44 = load <16 x float>, ptr %sum2_1
  %v45 = load <16 x float>, ptr %sum2_2
  %v46 = load <16 x float>, ptr %sum2_3
  %v47 = fadd contract <16 x float> %v43, %v45
  %v48 = fadd contract <16 x float> %v44, %v46
  %v49 = fadd contract <16 x float> %v47, %v48
  %v50 = shufflevector <16 x float> %v49, <16 x float> poison, <8 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7>
  %v51 = shufflevector <16 x float> %v49, <16 x float> poison, <8 x i32> <i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>
  %v52 = fadd contract <8 x float> %v50, %v51
  %v53 = shufflevector <8 x float> %v52, <8 x float> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  %v54 = shufflevector <8 x float> %v52, <8 x float> poison, <4 x i32> <i32 4, i32 5, i32 6, i32 7>
  %v55 = fadd contract <4 x float> %v53, %v54
  %v56 = shufflevector <4 x float> %v55, <4 x float> poison, <2 x i32> <i32 0, i32 1>
  %v57 = shufflevector <4 x float> %v55, <4 x float> poison, <2 x i32> <i32 2, i32 3>
  %v58 = fadd contract <2 x float> %v56, %v57
  %v59 = shufflevector <2 x float> %v58, <2 x float> poison, <1 x i32> <i32 0>
  %v60 = shufflevector <2 x float> %v58, <2 x float> poison, <1 x i32> <i32 1>
  %v61 = extractelement <2 x float> %v58, i64 0
  %v62 = extractelement <2 x float> %v58, i64 1
  %v63 = fadd contract float %v61, %v62
  %v64 = fdiv float %v63, %v1
  %v65 = fadd contract float %v64, %v2
  %v66 = call float @llvm.sqrt.f32(float %v65)
  %v67 = fdiv float 0x3FF0000000000000, %v66
  br label %enter3
enter3:
  br label %head3
head3:
  %i3 = phi i64 [ 0, %enter3 ], [ %i3_next, %latch3 ]
  %i3_on = icmp slt i64 %i3, %v7
  br i1 %i3_on, label %body3, label %exit3
body3:
  %p68 = getelementptr float, ptr %p4, i64 %i3
  %v69 = load <16 x float>, ptr %p68, align 4
  %v70 = insertelement <16 x float> poison, float %v67, i64 0
  %v71 = shufflevector <16 x float> %v70, <16 x float> poison, <16 x i32> zeroinitializer
  %v72 = fmul <16 x float> %v69, %v71
  %p73 = getelementptr float, ptr %base1, i64 %i3
  %v74 = load <16 x float>, ptr %p73, align 4
  %v75 = fmul <16 x float> %v72, %v74
  %p76 = getelementptr float, ptr %p6, i64 %i3
  store <16 x float> %v75, ptr %p76, align 4
  %v77 = add nsw i64 %i3, 16
  %p78 = getelementptr float, ptr %p4, i64 %v77
  %v79 = load <16 x float>, ptr %p78, align 4
  %v80 = fmul <16 x float> %v79, %v71
  %p81 = getelementptr float, ptr %base1, i64 %v77
  %v82 = load <16 x float>, ptr %p81, align 4
  %v83 = fmul <16 x float> %v80, %v82
  %p84 = getelementptr float, ptr %p6, i64 %v77
  store <16 x float> %v83, ptr %p84, align 4
  %v85 = add nsw i64 %i3, 32
  %p86 = getelementptr float, ptr %p4, i64 %v85
  %v87 = load <16 x float>, ptr %p86, align 4
  %v88 = fmul <16 x float> %v87, %v71
  %p89 = getelementptr float, ptr %base1, i64 %v85
  %v90 = load <16 x float>, ptr %p89, align 4
  %v91 = fmul <16 x float> %v88, %v90
  %p92 = getelementptr float, ptr %p6, i64 %v85
  store <16 x float> %v91, ptr %p92, align 4
  %v93 = add nsw i64 %i3, 48
  %p94 = getelementptr float, ptr %p4, i64 %v93
  %v95 = load <16 x float>, ptr %p94, align 4
  %v96 = fmul <16 x float> %v95, %v71
  %p97 = getelementptr float, ptr %base1, i64 %v93
  %v98 = load <16 x float>, ptr %p97, align 4
  %v99 = fmul <16 x float> %v96, %v98
  %p100 = getelementptr float, ptr %p6, i64 %v93
  store <16 x float> %v99, ptr %p100, align 4
  br label %latch3
latch3:
  %i3_next = add nsw i64 %i3, 64
  br label %head3, !llvm.loop !1004
exit3:
  br label %enter4
enter4:
  br label %head4
head4:
  %i4 = phi i64 [ %v7, %enter4 ], [ %i4_next, %latch4 ]
  %i4_on = icmp slt i64 %i4, %size2
  br i1 %i4_on, label %body4, label %exit4
body4:
  %v101 = sub nsw i64 %size2, %i4
  %v102 = call i64 @llvm.smin.i64(i64 %v101, i64 16)
  %v103 = trunc i64 %v102 to i32
  %v104 = insertelement <16 x i32> poison, i32 %v103, i64 0
  %v105 = shufflevector <16 x i32> %v104, <16 x i32> poison, <16 x i32> zeroinitializer
  %v106 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v105
  %p107 = getelementptr float, ptr %p4, i64 %i4
  %v108 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p107, i32 4, <16 x i1> %v106, <16 x float> zeroinitializer)
  %v109 = insertelement <16 x float> poison, float %v67, i64 0
  %v110 = shufflevector <16 x float> %v109, <16 x float> poison, <16 x i32> zeroinitializer
  %v111 = fmul <16 x float> %v108, %v110
  %p112 = getelementptr float, ptr %base1, i64 %i4
  %v113 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p112, i32 4, <16 x i1> %v106, <16 x float> zeroinitializer)
  %v114 = fmul <16 x float> %v111, %v113
  %p115 = getelementptr float, ptr %p6, i64 %i4
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v114, ptr %p115, i32 4, <16 x i1> %v106)
  br label %latch4
latch4:
  %i4_next = add nsw i64 %i4, 16
  br label %head4, !llvm.loop !1005
exit4:
  br label %latch0
latch0:
  %i0_next = add nsw i64 %i0, 1
  br label %head0, !llvm.loop !1001
exit0:
  ret void
}
!1000 = !{!"llvm.loop.unroll.disable"}
!1001 = distinct !{!1001, !1000}
!1002 = distinct !{!1002, !1000}
!1003 = distinct !{!1003, !1000}
!1004 = distinct !{!1004, !1000}
!1005 = distinct !{!1005, !1000}
