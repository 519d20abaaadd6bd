; gt+times+select
declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, i32, <16 x i1>, <16 x float>)
declare i64 @llvm.smin.i64(i64, i64)
declare void @llvm.masked.store.v16f32.p0(<16 x float>, ptr, i32, <16 x i1>)
define void @kernel(ptr noalias %pointers, ptr noalias %numbers, i64 %begin, i64 %end, ptr noalias %scratch) nounwind {
entry:
  %num0_cell = getelementptr i64, ptr %numbers, i64 0
  %num0 = load double, ptr %num0_cell
  %num1_cell = getelementptr i64, ptr %numbers, i64 1
  %num1 = load double, ptr %num1_cell
  %base0_cell = getelementptr ptr, ptr %pointers, i64 0
  %base0 = load ptr, ptr %base0_cell
  %base1_cell = getelementptr ptr, ptr %pointers, i64 1
  %base1 = load ptr, ptr %base1_cell
  %v1 = fptrunc double %num0 to float
  %v2 = fptrunc double %num1 to float
  %v3 = sub nsw i64 %end, %begin
  %v4 = and i64 %v3, -64
  %v5 = add nsw i64 %begin, %v4
  br label %enter0
enter0:
  br label %head0
head0:
  %i0 = phi i64 [ %begin, %enter0 ], [ %i0_next, %latch0 ]
  %i0_on = icmp slt i64 %i0, %v5
  br i1 %i0_on, label %body0, label %exit0
body0:
  %p6 = getelementptr float, ptr %base0, i64 %i0
  %v7 = load <16 x float>, ptr %p6, align 4
  %v8 = insertelement <16 x float> poison, float %v1, i64 0
  %v9 = shufflevector <16 x float> %v8, <16 x float> poison, <16 x i32> zeroinitializer
  %v10 = fcmp ogt <16 x float> %v7, %v9
  %v11 = insertelement <16 x float> poison, float %v2, i64 0
  %v12 = shufflevector <16 x float> %v11, <16 x float> poison, <16 x i32> zeroinitializer
  %v13 = fmul <16 x float> %v7, %v12
  %v14 = select <16 x i1> %v10, <16 x float> %v7, <16 x float> %v13
  %p15 = getelementptr float, ptr %base1, i64 %i0
  store <16 x float> %v14, ptr %p15, align 4
  %v16 = add nsw i64 %i0, 16
  %p17 = getelementptr float, ptr %base0, i64 %v16
  %v18 = load <16 x float>, ptr %p17, align 4
  %v19 = fcmp ogt <16 x float> %v18, %v9
  %v20 = fmul <16 x float> %v18, %v12
  %v21 = select <16 x i1> %v19, <16 x float> %v18, <16 x float> %v20
  %p22 = getelementptr float, ptr %base1, i64 %v16
  store <16 x float> %v21, ptr %p22, align 4
  %v23 = add nsw i64 %i0, 32
  %p24 = getelementptr float, ptr %base0, i64 %v23
  %v25 = load <16 x float>, ptr %p24, align 4
  %v26 = fcmp ogt <16 x float> %v25, %v9
  %v27 = fmul <16 x float> %v25, %v12
  %v28 = select <16 x i1> %v26, <16 x float> %v25, <16 x float> %v27
  %p29 = getelementptr float, ptr %base1, i64 %v23
  store <16 x float> %v28, ptr %p29, align 4
  %v30 = add nsw i64 %i0, 48
  %p31 = getelementptr float, ptr %base0, i64 %v30
  %v32 = load <16 x float>, ptr %p31, align 4
  %v33 = fcmp ogt <16 x float> %v32, %v9
  %v34 = fmul <16 x float> %v32, %v12
  %v35 = select <16 x i1> %v33, <16 x float> %v32, <16 x float> %v34
  %p36 = getelementptr float, ptr %base1, i64 %v30
  store <16 x float> %v35, ptr %p36, align 4
  br label %latch0
latch0:
  %i0_next = add nsw i64 %i0, 64
  br label %head0, !llvm.loop !1001
exit0:
  br label %enter1
enter1:
  br label %head1
head1:
  %i1 = phi i64 [ %v5, %enter1 ], [ %i1_next, %latch1 ]
  %i1_on = icmp slt i64 %i1, %end
  br i1 %i1_on, label %body1, label %exit1
body1:
  %v37 = sub nsw i64 %end, %i1
  %v38 = call i64 @llvm.smin.i64(i64 %v37, i64 16)
  %v39 = trunc i64 %v38 to i32
  %v40 = insertelement <16 x i32> poison, i32 %v39, i64 0
  %v41 = shufflevector <16 x i32> %v40, <16 x i32> poison, <16 x i32> zeroinitializer
  %v42 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v41
  %p43 = getelementptr float, ptr %base0, i64 %i1
  %v44 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p43, i32 4, <16 x i1> %v42, <16 x float> zeroinitializer)
  %v45 = insertelement <16 x float> poison, float %v1, i64 0
  %v46 = shufflevector <16 x float> %v45, <16 x float> poison, <16 x i32> zeroinitializer
  %v47 = fcmp ogt <16 x float> %v44, %v46
  %v48 = insertelement <16 x float> poison, float %v2, i64 0
  %v49 = shufflevector <16 x float> %v48, <16 x float> poison, <16 x i32> zeroinitializer
  %v50 = fmul <16 x float> %v44, %v49
  %v51 = select <16 x i1> %v47, <16 x float> %v44, <16 x float> %v50
  %p52 = getelementptr float, ptr %base1, i64 %i1
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v51, ptr %p52, i32 4, <16 x i1> %v42)
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

; gt+cast
declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, i32, <16 x i1>, <16 x float>)
declare i64 @llvm.smin.i64(i64, i64)
declare void @llvm.masked.store.v16f64.p0(<16 x double>, ptr, i32, <16 x i1>)
define void @kernel(ptr noalias %pointers, ptr noalias %numbers, i64 %begin, i64 %end, ptr noalias %scratch) nounwind {
entry:
  %num0_cell = getelementptr i64, ptr %numbers, i64 0
  %num0 = load double, ptr %num0_cell
  %base0_cell = getelementptr ptr, ptr %pointers, i64 0
  %base0 = load ptr, ptr %base0_cell
  %base1_cell = getelementptr ptr, ptr %pointers, i64 1
  %base1 = load ptr, ptr %base1_cell
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
  %p5 = getelementptr float, ptr %base0, i64 %i0
  %v6 = load <16 x float>, ptr %p5, align 4
  %v7 = insertelement <16 x float> poison, float %v1, i64 0
  %v8 = shufflevector <16 x float> %v7, <16 x float> poison, <16 x i32> zeroinitializer
  %v9 = fcmp ogt <16 x float> %v6, %v8
  %v10 = uitofp <16 x i1> %v9 to <16 x double>
  %p11 = getelementptr double, ptr %base1, i64 %i0
  store <16 x double> %v10, ptr %p11, align 8
  %v12 = add nsw i64 %i0, 16
  %p13 = getelementptr float, ptr %base0, i64 %v12
  %v14 = load <16 x float>, ptr %p13, align 4
  %v15 = fcmp ogt <16 x float> %v14, %v8
  %v16 = uitofp <16 x i1> %v15 to <16 x double>
  %p17 = getelementptr double, ptr %base1, i64 %v12
  store <16 x double> %v16, ptr %p17, align 8
  %v18 = add nsw i64 %i0, 32
  %p19 = getelementptr float, ptr %base0, i64 %v18
  %v20 = load <16 x float>, ptr %p19, align 4
  %v21 = fcmp ogt <16 x float> %v20, %v8
  %v22 = uitofp <16 x i1> %v21 to <16 x double>
  %p23 = getelementptr double, ptr %base1, i64 %v18
  store <16 x double> %v22, ptr %p23, align 8
  %v24 = add nsw i64 %i0, 48
  %p25 = getelementptr float, ptr %base0, i64 %v24
  %v26 = load <16 x float>, ptr %p25, align 4
  %v27 = fcmp ogt <16 x float> %v26, %v8
  %v28 = uitofp <16 x i1> %v27 to <16 x double>
  %p29 = getelementptr double, ptr %base1, i64 %v24
  store <16 x double> %v28, ptr %p29, align 8
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
  %v30 = sub nsw i64 %end, %i1
  %v31 = call i64 @llvm.smin.i64(i64 %v30, i64 16)
  %v32 = trunc i64 %v31 to i32
  %v33 = insertelement <16 x i32> poison, i32 %v32, i64 0
  %v34 = shufflevector <16 x i32> %v33, <16 x i32> poison, <16 x i32> zeroinitializer
  %v35 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v34
  %p36 = getelementptr float, ptr %base0, i64 %i1
  %v37 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p36, i32 4, <16 x i1> %v35, <16 x float> zeroinitializer)
  %v38 = insertelement <16 x float> poison, float %v1, i64 0
  %v39 = shufflevector <16 x float> %v38, <16 x float> poison, <16 x i32> zeroinitializer
  %v40 = fcmp ogt <16 x float> %v37, %v39
  %v41 = uitofp <16 x i1> %v40 to <16 x double>
  %p42 = getelementptr double, ptr %base1, i64 %i1
  call void @llvm.masked.store.v16f64.p0(<16 x double> %v41, ptr %p42, i32 8, <16 x i1> %v35)
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
