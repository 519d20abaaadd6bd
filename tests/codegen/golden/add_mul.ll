; times+plus
declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, i32, <16 x i1>, <16 x float>)
declare i64 @llvm.smin.i64(i64, i64)
declare void @llvm.masked.store.v16f32.p0(<16 x float>, ptr, i32, <16 x i1>)
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
  %base0_cell = getelementptr ptr, ptr %pointers, i64 0
  %base0 = load ptr, ptr %base0_cell
  %base1_cell = getelementptr ptr, ptr %pointers, i64 1
  %base1 = load ptr, ptr %base1_cell
  %base2_cell = getelementptr ptr, ptr %pointers, i64 2
  %base2 = load ptr, ptr %base2_cell
  %base3_cell = getelementptr ptr, ptr %pointers, i64 3
  %base3 = load ptr, ptr %base3_cell
  br label %enter0
enter0:
  br label %head0
head0:
  %i0 = phi i64 [ %begin, %enter0 ], [ %i0_next, %latch0 ]
  %i0_on = icmp slt i64 %i0, %end
  br i1 %i0_on, label %body0, label %exit0
body0:
  %v1 = mul nsw i64 %i0, %size0
  %p2 = getelementptr float, ptr %base0, i64 %v1
  %v3 = mul nsw i64 %i0, %size1
  %p4 = getelementptr float, ptr %base2, i64 %v3
  %v5 = mul nsw i64 %i0, %size2
  %p6 = getelementptr float, ptr %base3, i64 %v5
  %v7 = load float, ptr %p4, align 4
  %v8 = insertelement <16 x float> poison, float %v7, i64 0
  %v9 = shufflevector <16 x float> %v8, <16 x float> poison, <16 x i32> zeroinitializer
  %v10 = sub nsw i64 %size3, 0
  %v11 = call i64 @llvm.smin.i64(i64 %v10, i64 16)
  %v12 = trunc i64 %v11 to i32
  %v13 = insertelement <16 x i32> poison, i32 %v12, i64 0
  %v14 = shufflevector <16 x i32> %v13, <16 x i32> poison, <16 x i32> zeroinitializer
  %v15 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v14
  %v16 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p2, i32 4, <16 x i1> %v15, <16 x float> zeroinitializer)
  %v17 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %base1, i32 4, <16 x i1> %v15, <16 x float> zeroinitializer)
  %v18 = fmul <16 x float> %v16, %v17
  %v19 = fadd contract <16 x float> %v18, %v9
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v19, ptr %p6, i32 4, <16 x i1> %v15)
  br label %latch0
latch0:
  %i0_next = add nsw i64 %i0, 1
  br label %head0, !llvm.loop !1001
exit0:
  ret void
}
!1000 = !{!"llvm.loop.unroll.disable"}
!1001 = distinct !{!1001, !1000}
