; reduce_max+minus+exp+reduce_sum+over
declare <16 x float> @llvm.fma.v16f32(<16 x float>, <16 x float>, <16 x float>)
declare <16 x float> @llvm.x86.avx512.mask.scalef.ps.512(<16 x float>, <16 x float>, <16 x float>, i16, i32)
declare i64 @llvm.smin.i64(i64, i64)
define void @kernel(ptr noalias %pointers, ptr noalias %numbers, i64 %begin, i64 %end, ptr noalias %scratch) nounwind {
entry:
  %size0_cell = getelementptr i64, ptr %numbers, i64 0
  %size0 = load i64, ptr %size0_cell
  %size1_cell = getelementptr i64, ptr %numbers, i64 1
  %size1 = load i64, ptr %size1_cell
  %size2_cell = getelementptr i64, ptr %numbers, i64 2
  %size2 = load i64, ptr %size2_cell
  %size3_cell = getelementptr i64, ptr %numbers, i64 3
  %size3 = load i64, ptr %size3_cell
  %size4_cell = getelementptr i64, ptr %numbers, i64 4
  %size4 = load i64, ptr %size4_cell
  %size5_cell = getelementptr i64, ptr %numbers, i64 5
  %size5 = load i64, ptr %size5_cell
  %base0_cell = getelementptr ptr, ptr %pointers, i64 0
  %base0 = load ptr, ptr %base0_cell
  %base1_cell = getelementptr ptr, ptr %pointers, i64 1
  %base1 = load ptr, ptr %base1_cell
  %sum1_0 = alloca <16 x float>
  %nan1_0 = alloca <16 x i1>
  %sum4_0 = alloca <16 x float>
  br label %enter0
enter0:
  br label %head0
head0:
  %i0 = phi i64 [ %begin, %enter0 ], [ %i0_next, %latch0 ]
  %i0_on = icmp slt i64 %i0, %end
  br i1 %i0_on, label %body0, label %exit0
body0:
  %v1 = sub nsw i64 %size0, 16
  %v2 = mul nsw i64 %i0, 16
  %v3 = call i64 @llvm.smin.i64(i64 %v2, i64 %v1)
  %v4 = sub nsw i64 0, %v3
  %p5 = getelementptr float, ptr %scratch, i64 %v4
  store <16 x float> splat (float 0xFFF0000000000000), ptr %sum1_0
  store <16 x i1> splat (i1 false), ptr %nan1_0
  br label %enter1
enter1:
  br label %head1
head1:
  %i1 = phi i64 [ 0, %enter1 ], [ %i1_next, %latch1 ]
  %i1_on = icmp slt i64 %i1, %size2
  br i1 %i1_on, label %body1, label %exit1
body1:
  %v6 = mul nsw i64 %i1, %size3
  %p7 = getelementptr float, ptr %base0, i64 %v6
  %p8 = getelementptr float, ptr %p7, i64 %v3
  %v9 = load <16 x float>, ptr %p8, align 4
  %v10 = load <16 x float>, ptr %sum1_0
  %v11 = fcmp ogt <16 x float> %v10, %v9
  %v12 = select <16 x i1> %v11, <16 x float> %v10, <16 x float> %v9
  store <16 x float> %v12, ptr %sum1_0
  %v13 = load <16 x i1>, ptr %nan1_0
  %v14 = fcmp une <16 x float> %v9, %v9
  %v15 = or <16 x i1> %v13, %v14
  store <16 x i1> %v15, ptr %nan1_0
  br label %latch1
latch1:
  %i1_next = add nsw i64 %i1, 1
  br label %head1, !llvm.loop !1002
exit1:
  %v16 = load <16 x float>, ptr %sum1_0
  %v17 = load <16 x i1>, ptr %nan1_0
  %v18 = select <16 x i1> %v17, <16 x float> splat (float 0x7FF8000000000000), <16 x float> %v16
  store <16 x float> splat (float 0x0000000000000000), ptr %sum4_0
  br label %enter2
enter2:
  br label %head2
head2:
  %i2 = phi i64 [ 0, %enter2 ], [ %i2_next, %latch2 ]
  %i2_on = icmp slt i64 %i2, %size2
  br i1 %i2_on, label %body2, label %exit2
body2:
  %v19 = mul nsw i64 %i2, %size3
  %p20 = getelementptr float, ptr %base0, i64 %v19
  %v21 = mul nsw i64 %i2, %size4
  %p22 = getelementptr float, ptr %p5, i64 %v21
  %p23 = getelementptr float, ptr %p20, i64 %v3
  %v24 = load <16 x float>, ptr %p23, align 4
  %v25 = fsub contract <16 x float> %v24, %v18
  %v26 = fcmp ogt <16 x float> %v25, splat (float 0x40562EB860000000)
  %v27 = select <16 x i1> %v26, <16 x float> splat (float 0x40562EB860000000), <16 x float> %v25
  %v28 = fcmp olt <16 x float> %v27, splat (float 0xC05A000000000000)
  %v29 = select <16 x i1> %v28, <16 x float> splat (float 0xC05A000000000000), <16 x float> %v27
  %v30 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v29, <16 x float> splat (float 0x3FF7154760000000), <16 x float> splat (float 0x4168001FC0000000))
  %v31 = fsub contract <16 x float> %v30, splat (float 0x4168001FC0000000)
  %v32 = bitcast <16 x float> %v30 to <16 x i32>
  %v33 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v31, <16 x float> splat (float 0xBFE6300000000000), <16 x float> %v29)
  %v34 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v31, <16 x float> splat (float 0x3F2BD01060000000), <16 x float> %v33)
  %v35 = call <16 x float> @llvm.fma.v16f32(<16 x float> splat (float 0x3F56A24460000000), <16 x float> %v34, <16 x float> splat (float 0x3F81239D40000000))
  %v36 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v35, <16 x float> %v34, <16 x float> splat (float 0x3FA5558F20000000))
  %v37 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v36, <16 x float> %v34, <16 x float> splat (float 0x3FC5554920000000))
  %v38 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v37, <16 x float> %v34, <16 x float> splat (float 0x3FDFFFFFC0000000))
  %v39 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v38, <16 x float> %v34, <16 x float> splat (float 0x3FF0000000000000))
  %v40 = call <16 x float> @llvm.fma.v16f32(<16 x float> %v39, <16 x float> %v34, <16 x float> splat (float 0x3FF0000000000000))
  %v41 = call <16 x float> @llvm.x86.avx512.mask.scalef.ps.512(<16 x float> %v40, <16 x float> %v31, <16 x float> %v40, i16 -1, i32 4)
  %v42 = load <16 x float>, ptr %sum4_0
  %v43 = fadd contract <16 x float> %v42, %v41
  store <16 x float> %v43, ptr %sum4_0
  %p44 = getelementptr float, ptr %p22, i64 %v3
  store <16 x float> %v41, ptr %p44, align 4
  br label %latch2
latch2:
  %i2_next = add nsw i64 %i2, 1
  br label %head2, !llvm.loop !1003
exit2:
  %v45 = load <16 x float>, ptr %sum4_0
  br label %enter3
enter3:
  br label %head3
head3:
  %i3 = phi i64 [ 0, %enter3 ], [ %i3_next, %latch3 ]
  %i3_on = icmp slt i64 %i3, %size2
  br i1 %i3_on, label %body3, label %exit3
body3:
  %v46 = mul nsw i64 %i3, %size4
  %p47 = getelementptr float, ptr %p5, i64 %v46
  %v48 = mul nsw i64 %i3, %size5
  %p49 = getelementptr float, ptr %base1, i64 %v48
  %p50 = getelementptr float, ptr %p47, i64 %v3
  %v51 = load <16 x float>, ptr %p50, align 4
  %v52 = fdiv <16 x float> %v51, %v45
  %p53 = getelementptr float, ptr %p49, i64 %v3
  store <16 x float> %v52, ptr %p53, align 4
  br label %latch3
latch3:
  %i3_next = add nsw i64 %i3, 1
  br label %head3, !llvm.loop !1004
exit3:
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
