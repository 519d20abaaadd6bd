; reduce_sum
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
  br label %enter0
enter0:
  br label %head0
head0:
  %i0 = phi i64 [ %begin, %enter0 ], [ %i0_next, %latch0 ]
  %i0_on = icmp slt i64 %i0, %end
  br i1 %i0_on, label %body0, label %exit0
body0:
  %v1 = sub nsw i64 %size0, 64
  %v2 = mul nsw i64 %i0, 64
  %v3 = call i64 @llvm.smin.i64(i64 %v2, i64 %v1)
  %v4 = add nsw i64 %v3, 16
  %v5 = add nsw i64 %v3, 32
  %v6 = add nsw i64 %v3, 48
  store <16 x float> splat (float 0x0000000000000000), ptr %sum1_0
  store <16 x float> splat (float 0x0000000000000000), ptr %sum1_1
  store <16 x float> splat (float 0x0000000000000000), ptr %sum1_2
  store <16 x float> splat (float 0x0000000000000000), ptr %sum1_3
  br label %enter1
enter1:
  br label %head1
head1:
  %i1 = phi i64 [ 0, %enter1 ], [ %i1_next, %latch1 ]
  %i1_on = icmp slt i64 %i1, %size1
  br i1 %i1_on, label %body1, label %exit1
body1:
  %v7 = mul nsw i64 %i1, %size2
  %p8 = getelementptr float, ptr %base0, i64 %v7
  %p9 = getelementptr float, ptr %p8, i64 %v3
  %v10 = load <16 x float>, ptr %p9, align 4
  %v11 = load <16 x float>, ptr %sum1_0
  %v12 = fadd contract <16 x float> %v11, %v10
  store <16 x float> %v12, ptr %sum1_0
  %p13 = getelementptr float, ptr %p8, i64 %v4
  %v14 = load <16 x float>, ptr %p13, align 4
  %v15 = load <16 x float>, ptr %sum1_1
  %v16 = fadd contract <16 x float> %v15, %v14
  store <16 x float> %v16, ptr %sum1_1
  %p17 = getelementptr float, ptr %p8, i64 %v5
  %v18 = load <16 x float>, ptr %p17, align 4
  %v19 = load <16 x float>, ptr %sum1_2
  %v20 = fadd contract <16 x float> %v19, %v18
  store <16 x float> %v20, ptr %sum1_2
  %p21 = getelementptr float, ptr %p8, i64 %v6
  %v22 = load <16 x float>, ptr %p21, align 4
  %v23 = load <16 x float>, ptr %sum1_3
  %v24 = fadd contract <16 x float> %v23, %v22
  store <16 x float> %v24, ptr %sum1_3
  br label %latch1
latch1:
  %i1_next = add nsw i64 %i1, 1
  br label %head1, !llvm.loop !1002
exit1:
  %v25 = load <16 x float>, ptr %sum1_0
  %v26 = load <16 x float>, ptr %sum1_1
  %v27 = load <16 x float>, ptr %sum1_2
  %v28 = load <16 x float>, ptr %sum1_3
  %p29 = getelementptr float, ptr %base1, i64 %v3
  store <16 x float> %v25, ptr %p29, align 4
  %p30 = getelementptr float, ptr %base1, i64 %v4
  store <16 x float> %v26, ptr %p30, align 4
  %p31 = getelementptr float, ptr %base1, i64 %v5
  store <16 x float> %v27, ptr %p31, align 4
  %p32 = getelementptr float, ptr %base1, i64 %v6
  store <16 x float> %v28, ptr %p32, align 4
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
