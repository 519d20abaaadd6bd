; cast+times
declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, i32, <16 x i1>, <16 x float>)
declare <16 x i8> @llvm.masked.load.v16i8.p0(ptr, i32, <16 x i1>, <16 x i8>)
declare i64 @llvm.smin.i64(i64, i64)
declare void @llvm.masked.store.v16f32.p0(<16 x float>, ptr, i32, <16 x i1>)
define void @kernel(ptr noalias %pointers, ptr noalias %numbers, i64 %begin, i64 %end, ptr noalias %scratch) nounwind {
entry:
  %num0_cell = getelementptr i64, ptr %numbers, i64 0
  %num0 = load double, ptr %num0_cell
  %base0_cell = getelementptr ptr, ptr %pointers, i64 0
  %base0 = load ptr, ptr %base0_cell
  %base1_cell = getelementptr ptr, ptr %pointers, i64 1
  %base1 = load ptr, ptr %base1_cell
  %base2_cell = getelementptr ptr, ptr %pointers, i64 2
  %base2 = load ptr, ptr %base2_cell
  %v1 = fptrunc double %num0 to float
  %v2 = sub nsw i64 %end, %begin
  %v3 = and i64 %v2, -64
  %v4 = add nsw i64 %begin, %v3
  br label %enter0
enter0:
  br label %head0
head0:
  %i0 = phi i64 [ %begin, %enter0 ], [ %i0_next, %latch0 ]
  %i0_on = icmp slt i64 %i0, %v4
  br i1 %i0_on, label %body0, label %exit0
body0:
  %p5 = getelementptr i8, ptr %base0, i64 %i0
  %v6 = load <16 x i8>, ptr %p5, align 1
  %v7 = icmp ne <16 x i8> %v6, splat (i8 0)
  %v8 = uitofp <16 x i1> %v7 to <16 x float>
  %v9 = insertelement <16 x float> poison, float %v1, i64 0
  %v10 = shufflevector <16 x float> %v9, <16 x float> poison, <16 x i32> zeroinitializer
  %v11 = fmul <16 x float> %v8, %v10
  %p12 = getelementptr float, ptr %base1, i64 %i0
  %v13 = load <16 x float>, ptr %p12, align 4
  %v14 = fmul <16 x float> %v13, %v11
  %p15 = getelementptr float, ptr %base2, i64 %i0
  store <16 x float> %v14, ptr %p15, align 4
  %v16 = add nsw i64 %i0, 16
  %p17 = getelementptr i8, ptr %base0, i64 %v16
  %v18 = load <16 x i8>, ptr %p17, align 1
  %v19 = icmp ne <16 x i8> %v18, splat (i8 0)
  %v20 = uitofp <16 x i1> %v19 to <16 x float>
  %v21 = fmul <16 x float> %v20, %v10
  %p22 = getelementptr float, ptr %base1, i64 %v16
  %v23 = load <16 x float>, ptr %p22, align 4
  %v24 = fmul <16 x float> %v23, %v21
  %p25 = getelementptr float, ptr %base2, i64 %v16
  store <16 x float> %v24, ptr %p25, align 4
  %v26 = add nsw i64 %i0, 32
  %p27 = getelementptr i8, ptr %base0, i64 %v26
  %v28 = load <16 x i8>, ptr %p27, align 1
  %v29 = icmp ne <16 x i8> %v28, splat (i8 0)
  %v30 = uitofp <16 x i1> %v29 to <16 x float>
  %v31 = fmul <16 x float> %v30, %v10
  %p32 = getelementptr float, ptr %base1, i64 %v26
  %v33 = load <16 x float>, ptr %p32, align 4
  %v34 = fmul <16 x float> %v33, %v31
  %p35 = getelementptr float, ptr %base2, i64 %v26
  store <16 x float> %v34, ptr %p35, align 4
  %v36 = add nsw i64 %i0, 48
  %p37 = getelementptr i8, ptr %base0, i64 %v36
  %v38 = load <16 x i8>, ptr %p37, align 1
  %v39 = icmp ne <16 x i8> %v38, splat (i8 0)
  %v40 = uitofp <16 x i1> %v39 to <16 x float>
  %v41 = fmul <16 x float> %v40, %v10
  %p42 = getelementptr float, ptr %base1, i64 %v36
  %v43 = load <16 x float>, ptr %p42, align 4
  %v44 = fmul <16 x float> %v43, %v41
  %p45 = getelementptr float, ptr %base2, i64 %v36
  store <16 x float> %v44, ptr %p45, align 4
  br label %latch0
latch0:
  %i0_next = add nsw i64 %i0, 64
  br label %head0, !llvm.loop !1001
exit0:
  br label %enter1
enter1:
  br label %head1
head1:
  %i1 = phi i64 [ %v4, %enter1 ], [ %i1_next, %latch1 ]
  %i1_on = icmp slt i64 %i1, %end
  br i1 %i1_on, label %body1, label %exit1
body1:
  %v46 = sub nsw i64 %end, %i1
  %v47 = call i64 @llvm.smin.i64(i64 %v46, i64 16)
  %v48 = trunc i64 %v47 to i32
  %v49 = insertelement <16 x i32> poison, i32 %v48, i64 0
  %v50 = shufflevector <16 x i32> %v49, <16 x i32> poison, <16 x i32> zeroinitializer
  %v51 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v50
  %p52 = getelementptr i8, ptr %base0, i64 %i1
  %v53 = call <16 x i8> @llvm.masked.load.v16i8.p0(ptr %p52, i32 1, <16 x i1> %v51, <16 x i8> zeroinitializer)
  %v54 = icmp ne <16 x i8> %v53, splat (i8 0)
  %v55 = uitofp <16 x i1> %v54 to <16 x float>
  %v56 = insertelement <16 x float> poison, float %v1, i64 0
  %v57 = shufflevector <16 x float> %v56, <16 x float> poison, <16 x i32> zeroinitializer
  %v58 = fmul <16 x float> %v55, %v57
  %p59 = getelementptr float, ptr %base1, i64 %i1
  %v60 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p59, i32 4, <16 x i1> %v51, <16 x float> zeroinitializer)
  %v61 = fmul <16 x float> %v60, %v58
  %p62 = getelementptr float, ptr %base2, i64 %i1
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v61, ptr %p62, i32 4, <16 x i1> %v51)
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
