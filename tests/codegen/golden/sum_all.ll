; reduce_sum
declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, i32, <16 x i1>, <16 x float>)
declare i64 @llvm.smin.i64(i64, i64)
define void @kernel(ptr noalias %pointers, ptr noalias %numbers, i64 %begin, i64 %end, ptr noalias %scratch) nounwind {
entry:
  %size0_cell = getelementptr i64, ptr %numbers, i64 0
  %size0 = load i64, ptr %size0_cell
  %size1_cell = getelementptr i64, ptr %numbers, i64 1
  %size1 = load i64, ptr %size1_cell
  %size2_cell = getelementptr i64, ptr %numbers, i64 2
  %size2 = load i64, ptr %size2_cell
  %base0_cell = getelementptr ptr, ptr %pointers, i64 0
  %base0 = load ptr, ptr %base0_cell
  %base1_cell = getelementptr ptr, ptr %pointers, i64 1
  %base1 = load ptr, ptr %base1_cell
  %sum1_0 = alloca <16 x float>
  %sum1_1 = alloca <16 x float>
  %sum1_2 = alloca <16 x float>
  %sum1_3 = alloca <16 x float>
  %base2_cell = getelementptr ptr, ptr %pointers, i64 2
  %base2 = load ptr, ptr %base2_cell
  br label %enter0
enter0:
  br label %head0
head0:
  %i0 = phi i64 [ %begin, %enter0 ], [ %i0_next, %latch0 ]
  %i0_on = icmp slt i64 %i0, %end
  br i1 %i0_on, label %body0, label %exit0
body0:
  %v1 = urem i64 %i0, %size0
  %v2 = udiv i64 %i0, %size0
  %v3 = mul nsw i64 %v1, %size1
  %v4 = add nsw i64 %v3, %size1
  %v5 = call i64 @llvm.smin.i64(i64 %v4, i64 %size2)
  store <16 x float> splat (float 0x0000000000000000), ptr %sum1_0
  store <16 x float> splat (float 0x0000000000000000), ptr %sum1_1
  store <16 x float> splat (float 0x0000000000000000), ptr %sum1_2
  store <16 x float> splat (float 0x0000000000000000), ptr %sum1_3
  %v6 = sub nsw i64 %v5, %v3
  %v7 = and i64 %v6, -64
  %v8 = add nsw i64 %v3, %v7
  br label %enter1
enter1:
  br label %head1
head1:
  %i1 = phi i64 [ %v3, %enter1 ], [ %i1_next, %latch1 ]
  %i1_on = icmp slt i64 %i1, %v8
  br i1 %i1_on, label %body1, label %exit1
body1:
  %p9 = getelementptr float, ptr %base0, i64 %i1
  %v10 = load <16 x float>, ptr %p9, align 4
  %v11 = load <16 x float>, ptr %sum1_0
  %v12 = fadd contract <16 x float> %v11, %v10
  store <16 x float> %v12, ptr %sum1_0
  %v13 = add nsw i64 %i1, 16
  %p14 = getelementptr float, ptr %base0, i64 %v13
  %v15 = load <16 x float>, ptr %p14, align 4
  %v16 = load <16 x float>, ptr %sum1_1
  %v17 = fadd contract <16 x float> %v16, %v15
  store <16 x float> %v17, ptr %sum1_1
  %v18 = add nsw i64 %i1, 32
  %p19 = getelementptr float, ptr %base0, i64 %v18
  %v20 = load <16 x float>, ptr %p19, align 4
  %v21 = load <16 x float>, ptr %sum1_2
  %v22 = fadd contract <16 x float> %v21, %v20
  store <16 x float> %v22, ptr %sum1_2
  %v23 = add nsw i64 %i1, 48
  %p24 = getelementptr float, ptr %base0, i64 %v23
  %v25 = load <16 x float>, ptr %p24, align 4
  %v26 = load <16 x float>, ptr %sum1_3
  %v27 = fadd contract <16 x float> %v26, %v25
  store <16 x float> %v27, ptr %sum1_3
  br label %latch1
latch1:
  %i1_next = add nsw i64 %i1, 64
  br label %head1, !llvm.loop !1002
exit1:
  br label %enter2
enter2:
  br label %head2
head2:
  %i2 = phi i64 [ %v8, %enter2 ], [ %i2_next, %latch2 ]
  %i2_on = icmp slt i64 %i2, %v5
  br i1 %i2_on, label %body2, label %exit2
body2:
  %v28 = sub nsw i64 %v5, %i2
  %v29 = call i64 @llvm.smin.i64(i64 %v28, i64 16)
  %v30 = trunc i64 %v29 to i32
  %v31 = insertelement <16 x i32> poison, i32 %v30, i64 0
  %v32 = shufflevector <16 x i32> %v31, <16 x i32> poison, <16 x i32> zeroinitializer
  %v33 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v32
  %p34 = getelementptr float, ptr %base0, i64 %i2
  %v35 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p34, i32 4, <16 x i1> %v33, <16 x float> zeroinitializer)
  %v36 = select <16 x i1> %v33, <16 x float> %v35, <16 x float> splat (float 0x0000000000000000)
  %v37 = load <16 x float>, ptr %sum1_0
  %v38 = fadd contract <16 x float> %v37, %v36
  store <16 x float> %v38, ptr %sum1_0
  br label %latch2
latch2:
  %i2_next = add nsw i64 %i2, 16
  br label %head2, !llvm.loop !1003
exit2:
  %v39 = load <16 x float>, ptr %sum1_0
  %v40 = load <16 x float>, ptr %sum1_1
  %v41 = load <16 x float>, ptr %sum1_2
  %v42 = load <16 x float>, ptr %sum1_3
  %v43 = fadd contract <16 x float> %v39, %v41
  %v44 = fadd contract <16 x float> %v40, %v42
  %v45 = fadd contract <16 x float> %v43, %v44
  %v46 = shufflevector <16 x float> %v45, <16 x float> poison, <8 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7>
  %v47 = shufflevector <16 x float> %v45, <16 x float> poison, <8 x i32> <i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>
  %v48 = fadd contract <8 x float> %v46, %v47
  %v49 = shufflevector <8 x float> %v48, <8 x float> poison, <4 x i32> <i32 0, i32 1, i32 2, i32 3>
  %v50 = shufflevector <8 x float> %v48, <8 x float> poison, <4 x i32> <i32 4, i32 5, i32 6, i32 7>
  %v51 = fadd contract <4 x float> %v49, %v50
  %v52 = shufflevector <4 x float> %v51, <4 x float> poison, <2 x i32> <i32 0, i32 1>
  %v53 = shufflevector <4 x float> %v51, <4 x float> poison, <2 x i32> <i32 2, i32 3>
  %v54 = fadd contract <2 x float> %v52, %v53
  %v55 = shufflevector <2 x float> %v54, <2 x float> poison, <1 x i32> <i32 0>
  %v56 = shufflevector <2 x float> %v54, <2 x float> poison, <1 x i32> <i32 1>
  %v57 = extractelement <2 x float> %v54, i64 0
  %v58 = extractelement <2 x float> %v54, i64 1
  %v59 = fadd contract float %v57, %v58
  %v60 = mul nsw i64 %v2, %size0
  %v61 = add nsw i64 %v60, %v1
  %p62 = getelementptr float, ptr %base2, i64 %v61
  store float %v59, ptr %p62, align 4
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

; reduce_sum
define void @kernel(ptr noalias %pointers, ptr noalias %numbers, i64 %begin, i64 %end, ptr noalias %scratch) nounwind {
entry:
  %size0_cell = getelementptr i64, ptr %numbers, i64 0
  %size0 = load i64, ptr %size0_cell
  %base0_cell = getelementptr ptr, ptr %pointers, i64 0
  %base0 = load ptr, ptr %base0_cell
  %base1_cell = getelementptr ptr, ptr %pointers, i64 1
  %base1 = load ptr, ptr %base1_cell
  %parts1_0 = alloca float
  %base2_cell = getelementptr ptr, ptr %pointers, i64 2
  %base2 = load ptr, ptr %base2_cell
  br label %enter0
enter0:
  br label %head0
head0:
  %i0 = phi i64 [ %begin, %enter0 ], [ %i0_next, %latch0 ]
  %i0_on = icmp slt i64 %i0, %end
  br i1 %i0_on, label %body0, label %exit0
body0:
  store float 0x0000000000000000, ptr %parts1_0
  br label %enter1
enter1:
  br label %head1
head1:
  %i1 = phi i64 [ 0, %enter1 ], [ %i1_next, %latch1 ]
  %i1_on = icmp slt i64 %i1, %size0
  br i1 %i1_on, label %body1, label %exit1
body1:
  %v1 = load float, ptr %parts1_0
  %v2 = mul nsw i64 %i0, %size0
  %v3 = add nsw i64 %v2, %i1
  %p4 = getelementptr float, ptr %base2, i64 %v3
  %v5 = load float, ptr %p4, align 4
  %v6 = fadd contract float %v1, %v5
  store float %v6, ptr %parts1_0
  br label %latch1
latch1:
  %i1_next = add nsw i64 %i1, 1
  br label %head1, !llvm.loop !1002
exit1:
  %v7 = load float, ptr %parts1_0
  store float %v7, ptr %base1, align 4
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
