; times+minus
declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, i32, <16 x i1>, <16 x float>)
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
  %p5 = getelementptr float, ptr %base0, i64 %i0
  %v6 = load <16 x float>, ptr %p5, align 4
  %v7 = insertelement <16 x float> poison, float %v1, i64 0
  %v8 = shufflevector <16 x float> %v7, <16 x float> poison, <16 x i32> zeroinitializer
  %v9 = fmul <16 x float> %v6, %v8
  %p10 = getelementptr float, ptr %base1, i64 %i0
  %v11 = load <16 x float>, ptr %p10, align 4
  %v12 = fsub contract <16 x float> %v11, %v9
  %p13 = getelementptr float, ptr %base2, i64 %i0
  store <16 x float> %v12, ptr %p13, align 4
  %v14 = add nsw i64 %i0, 16
  %p15 = getelementptr float, ptr %base0, i64 %v14
  %v16 = load <16 x float>, ptr %p15, align 4
  %v17 = fmul <16 x float> %v16, %v8
  %p18 = getelementptr float, ptr %base1, i64 %v14
  %v19 = load <16 x float>, ptr %p18, align 4
  %v20 = fsub contract <16 x float> %v19, %v17
  %p21 = getelementptr float, ptr %base2, i64 %v14
  store <16 x float> %v20, ptr %p21, align 4
  %v22 = add nsw i64 %i0, 32
  %p23 = getelementptr float, ptr %base0, i64 %v22
  %v24 = load <16 x float>, ptr %p23, align 4
  %v25 = fmul <16 x float> %v24, %v8
  %p26 = getelementptr float, ptr %base1, i64 %v22
  %v27 = load <16 x float>, ptr %p26, align 4
  %v28 = fsub contract <16 x float> %v27, %v25
  %p29 = getelementptr float, ptr %base2, i64 %v22
  store <16 x float> %v28, ptr %p29, align 4
  %v30 = add nsw i64 %i0, 48
  %p31 = getelementptr float, ptr %base0, i64 %v30
  %v32 = load <16 x float>, ptr %p31, align 4
  %v33 = fmul <16 x float> %v32, %v8
  %p34 = getelementptr float, ptr %base1, i64 %v30
  %v35 = load <16 x float>, ptr %p34, align 4
  %v36 = fsub contract <16 x float> %v35, %v33
  %p37 = getelementptr float, ptr %base2, i64 %v30
  store <16 x float> %v36, ptr %p37, align 4
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
  %v38 = sub nsw i64 %end, %i1
  %v39 = call i64 @llvm.smin.i64(i64 %v38, i64 16)
  %v40 = trunc i64 %v39 to i32
  %v41 = insertelement <16 x i32> poison, i32 %v40, i64 0
  %v42 = shufflevector <16 x i32> %v41, <16 x i32> poison, <16 x i32> zeroinitializer
  %v43 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v42
  %p44 = getelementptr float, ptr %base0, i64 %i1
  %v45 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p44, i32 4, <16 x i1> %v43, <16 x float> zeroinitializer)
  %v46 = insertelement <16 x float> poison, float %v1, i64 0
  %v47 = shufflevector <16 x float> %v46, <16 x float> poison, <16 x i32> zeroinitializer
  %v48 = fmul <16 x float> %v45, %v47
  %p49 = getelementptr float, ptr %base1, i64 %i1
  %v50 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p49, i32 4, <16 x i1> %v43, <16 x float> zeroinitializer)
  %v51 = fsub contract <16 x float> %v50, %v48
  %p52 = getelementptr float, ptr %base2, i64 %i1
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v51, ptr %p52, i32 4, <16 x i1> %v43)
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

; times+minus
declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, i32, <16 x i1>, <16 x float>)
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
  %v3 = and i64 %v2, -16
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
  %v9 = fmul <16 x float> %v6, %v8
  %p10 = getelementptr float, ptr %base1, i64 %i0
  %v11 = load <16 x float>, ptr %p10, align 4
  %v12 = fsub contract <16 x float> %v11, %v9
  %p13 = getelementptr float, ptr %base2, i64 %i0
  store <16 x float> %v12, ptr %p13, align 4
  br label %latch0
latch0:
  %i0_next = add nsw i64 %i0, 16
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
  %v14 = sub nsw i64 %end, %i1
  %v15 = call i64 @llvm.smin.i64(i64 %v14, i64 16)
  %v16 = trunc i64 %v15 to i32
  %v17 = insertelement <16 x i32> poison, i32 %v16, i64 0
  %v18 = shufflevector <16 x i32> %v17, <16 x i32> poison, <16 x i32> zeroinitializer
  %v19 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v18
  %p20 = getelementptr float, ptr %base0, i64 %i1
  %v21 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p20, i32 4, <16 x i1> %v19, <16 x float> zeroinitializer)
  %v22 = insertelement <16 x float> poison, float %v1, i64 0
  %v23 = shufflevector <16 x float> %v22, <16 x float> poison, <16 x i32> zeroinitializer
  %v24 = fmul <16 x float> %v21, %v23
  %p25 = getelementptr float, ptr %base1, i64 %i1
  %v26 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p25, i32 4, <16 x i1> %v19, <16 x float> zeroinitializer)
  %v27 = fsub contract <16 x float> %v26, %v24
  %p28 = getelementptr float, ptr %base2, i64 %i1
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v27, ptr %p28, i32 4, <16 x i1> %v19)
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

; times+plus+minus
declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, i32, <16 x i1>, <16 x float>)
declare i64 @llvm.smin.i64(i64, i64)
declare void @llvm.masked.store.v16f32.p0(<16 x float>, ptr, i32, <16 x i1>)
define void @kernel(ptr noalias %pointers, ptr noalias %numbers, i64 %begin, i64 %end, ptr noalias %scratch) nounwind {
entry:
  %num0_cell = getelementptr i64, ptr %numbers, i64 0
  %num0 = load double, ptr %num0_cell
  %num1_cell = getelementptr i64, ptr %numbers, i64 1
  %num1 = load double, ptr %num1_cell
  %num2_cell = getelementptr i64, ptr %numbers, i64 2
  %num2 = load double, ptr %num2_cell
  %base0_cell = getelementptr ptr, ptr %pointers, i64 0
  %base0 = load ptr, ptr %base0_cell
  %base1_cell = getelementptr ptr, ptr %pointers, i64 1
  %base1 = load ptr, ptr %base1_cell
  %base2_cell = getelementptr ptr, ptr %pointers, i64 2
  %base2 = load ptr, ptr %base2_cell
  %base3_cell = getelementptr ptr, ptr %pointers, i64 3
  %base3 = load ptr, ptr %base3_cell
  %base4_cell = getelementptr ptr, ptr %pointers, i64 4
  %base4 = load ptr, ptr %base4_cell
  %v1 = fptrunc double %num0 to float
  %v2 = fptrunc double %num1 to float
  %v3 = fptrunc double %num2 to float
  %v4 = sub nsw i64 %end, %begin
  %v5 = and i64 %v4, -64
  %v6 = add nsw i64 %begin, %v5
  br label %enter0
enter0:
  br label %head0
head0:
  %i0 = phi i64 [ %begin, %enter0 ], [ %i0_next, %latch0 ]
  %i0_on = icmp slt i64 %i0, %v6
  br i1 %i0_on, label %body0, label %exit0
body0:
  %p7 = getelementptr float, ptr %base0, i64 %i0
  %v8 = load <16 x float>, ptr %p7, align 4
  %v9 = insertelement <16 x float> poison, float %v1, i64 0
  %v10 = shufflevector <16 x float> %v9, <16 x float> poison, <16 x i32> zeroinitializer
  %v11 = fmul <16 x float> %v8, %v10
  %p12 = getelementptr float, ptr %base1, i64 %i0
  %v13 = load <16 x float>, ptr %p12, align 4
  %v14 = insertelement <16 x float> poison, float %v2, i64 0
  %v15 = shufflevector <16 x float> %v14, <16 x float> poison, <16 x i32> zeroinitializer
  %v16 = fmul <16 x float> %v13, %v15
  %v17 = fadd contract <16 x float> %v11, %v16
  %v18 = insertelement <16 x float> poison, float %v3, i64 0
  %v19 = shufflevector <16 x float> %v18, <16 x float> poison, <16 x i32> zeroinitializer
  %v20 = fmul <16 x float> %v17, %v19
  %p21 = getelementptr float, ptr %base2, i64 %i0
  %v22 = load <16 x float>, ptr %p21, align 4
  %v23 = fsub contract <16 x float> %v22, %v20
  %p24 = getelementptr float, ptr %base3, i64 %i0
  store <16 x float> %v17, ptr %p24, align 4
  %p25 = getelementptr float, ptr %base4, i64 %i0
  store <16 x float> %v23, ptr %p25, align 4
  %v26 = add nsw i64 %i0, 16
  %p27 = getelementptr float, ptr %base0, i64 %v26
  %v28 = load <16 x float>, ptr %p27, align 4
  %v29 = fmul <16 x float> %v28, %v10
  %p30 = getelementptr float, ptr %base1, i64 %v26
  %v31 = load <16 x float>, ptr %p30, align 4
  %v32 = fmul <16 x float> %v31, %v15
  %v33 = fadd contract <16 x float> %v29, %v32
  %v34 = fmul <16 x float> %v33, %v19
  %p35 = getelementptr float, ptr %base2, i64 %v26
  %v36 = load <16 x float>, ptr %p35, align 4
  %v37 = fsub contract <16 x float> %v36, %v34
  %p38 = getelementptr float, ptr %base3, i64 %v26
  store <16 x float> %v33, ptr %p38, align 4
  %p39 = getelementptr float, ptr %base4, i64 %v26
  store <16 x float> %v37, ptr %p39, align 4
  %v40 = add nsw i64 %i0, 32
  %p41 = getelementptr float, ptr %base0, i64 %v40
  %v42 = load <16 x float>, ptr %p41, align 4
  %v43 = fmul <16 x float> %v42, %v10
  %p44 = getelementptr float, ptr %base1, i64 %v40
  %v45 = load <16 x float>, ptr %p44, align 4
  %v46 = fmul <16 x float> %v45, %v15
  %v47 = fadd contract <16 x float> %v43, %v46
  %v48 = fmul <16 x float> %v47, %v19
  %p49 = getelementptr float, ptr %base2, i64 %v40
  %v50 = load <16 x float>, ptr %p49, align 4
  %v51 = fsub contract <16 x float> %v50, %v48
  %p52 = getelementptr float, ptr %base3, i64 %v40
  store <16 x float> %v47, ptr %p52, align 4
  %p53 = getelementptr float, ptr %base4, i64 %v40
  store <16 x float> %v51, ptr %p53, align 4
  %v54 = add nsw i64 %i0, 48
  %p55 = getelementptr float, ptr %base0, i64 %v54
  %v56 = load <16 x float>, ptr %p55, align 4
  %v57 = fmul <16 x float> %v56, %v10
  %p58 = getelementptr float, ptr %base1, i64 %v54
  %v59 = load <16 x float>, ptr %p58, align 4
  %v60 = fmul <16 x float> %v59, %v15
  %v61 = fadd contract <16 x float> %v57, %v60
  %v62 = fmul <16 x float> %v61, %v19
  %p63 = getelementptr float, ptr %base2, i64 %v54
  %v64 = load <16 x float>, ptr %p63, align 4
  %v65 = fsub contract <16 x float> %v64, %v62
  %p66 = getelementptr float, ptr %base3, i64 %v54
  store <16 x float> %v61, ptr %p66, align 4
  %p67 = getelementptr float, ptr %base4, i64 %v54
  store <16 x float> %v65, ptr %p67, align 4
  br label %latch0
latch0:
  %i0_next = add nsw i64 %i0, 64
  br label %head0, !llvm.loop !1001
exit0:
  br label %enter1
enter1:
  br label %head1
head1:
  %i1 = phi i64 [ %v6, %enter1 ], [ %i1_next, %latch1 ]
  %i1_on = icmp slt i64 %i1, %end
  br i1 %i1_on, label %body1, label %exit1
body1:
  %v68 = sub nsw i64 %end, %i1
  %v69 = call i64 @llvm.smin.i64(i64 %v68, i64 16)
  %v70 = trunc i64 %v69 to i32
  %v71 = insertelement <16 x i32> poison, i32 %v70, i64 0
  %v72 = shufflevector <16 x i32> %v71, <16 x i32> poison, <16 x i32> zeroinitializer
  %v73 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v72
  %p74 = getelementptr float, ptr %base0, i64 %i1
  %v75 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p74, i32 4, <16 x i1> %v73, <16 x float> zeroinitializer)
  %v76 = insertelement <16 x float> poison, float %v1, i64 0
  %v77 = shufflevector <16 x float> %v76, <16 x float> poison, <16 x i32> zeroinitializer
  %v78 = fmul <16 x float> %v75, %v77
  %p79 = getelementptr float, ptr %base1, i64 %i1
  %v80 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p79, i32 4, <16 x i1> %v73, <16 x float> zeroinitializer)
  %v81 = insertelement <16 x float> poison, float %v2, i64 0
  %v82 = shufflevector <16 x float> %v81, <16 x float> poison, <16 x i32> zeroinitializer
  %v83 = fmul <16 x float> %v80, %v82
  %v84 = fadd contract <16 x float> %v78, %v83
  %v85 = insertelement <16 x float> poison, float %v3, i64 0
  %v86 = shufflevector <16 x float> %v85, <16 x float> poison, <16 x i32> zeroinitializer
  %v87 = fmul <16 x float> %v84, %v86
  %p88 = getelementptr float, ptr %base2, i64 %i1
  %v89 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p88, i32 4, <16 x i1> %v73, <16 x float> zeroinitializer)
  %v90 = fsub contract <16 x float> %v89, %v87
  %p91 = getelementptr float, ptr %base3, i64 %i1
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v84, ptr %p91, i32 4, <16 x i1> %v73)
  %p92 = getelementptr float, ptr %base4, i64 %i1
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v90, ptr %p92, i32 4, <16 x i1> %v73)
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

; times+plus+minus
declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, i32, <16 x i1>, <16 x float>)
declare i64 @llvm.smin.i64(i64, i64)
declare void @llvm.masked.store.v16f32.p0(<16 x float>, ptr, i32, <16 x i1>)
define void @kernel(ptr noalias %pointers, ptr noalias %numbers, i64 %begin, i64 %end, ptr noalias %scratch) nounwind {
entry:
  %num0_cell = getelementptr i64, ptr %numbers, i64 0
  %num0 = load double, ptr %num0_cell
  %num1_cell = getelementptr i64, ptr %numbers, i64 1
  %num1 = load double, ptr %num1_cell
  %num2_cell = getelementptr i64, ptr %numbers, i64 2
  %num2 = load double, ptr %num2_cell
  %base0_cell = getelementptr ptr, ptr %pointers, i64 0
  %base0 = load ptr, ptr %base0_cell
  %base1_cell = getelementptr ptr, ptr %pointers, i64 1
  %base1 = load ptr, ptr %base1_cell
  %base2_cell = getelementptr ptr, ptr %pointers, i64 2
  %base2 = load ptr, ptr %base2_cell
  %base3_cell = getelementptr ptr, ptr %pointers, i64 3
  %base3 = load ptr, ptr %base3_cell
  %base4_cell = getelementptr ptr, ptr %pointers, i64 4
  %base4 = load ptr, ptr %base4_cell
  %v1 = fptrunc double %num0 to float
  %v2 = fptrunc double %num1 to float
  %v3 = fptrunc double %num2 to float
  %v4 = sub nsw i64 %end, %begin
  %v5 = and i64 %v4, -16
  %v6 = add nsw i64 %begin, %v5
  br label %enter0
enter0:
  br label %head0
head0:
  %i0 = phi i64 [ %begin, %enter0 ], [ %i0_next, %latch0 ]
  %i0_on = icmp slt i64 %i0, %v6
  br i1 %i0_on, label %body0, label %exit0
body0:
  %p7 = getelementptr float, ptr %base0, i64 %i0
  %v8 = load <16 x float>, ptr %p7, align 4
  %v9 = insertelement <16 x float> poison, float %v1, i64 0
  %v10 = shufflevector <16 x float> %v9, <16 x float> poison, <16 x i32> zeroinitializer
  %v11 = fmul <16 x float> %v8, %v10
  %p12 = getelementptr float, ptr %base1, i64 %i0
  %v13 = load <16 x float>, ptr %p12, align 4
  %v14 = insertelement <16 x float> poison, float %v2, i64 0
  %v15 = shufflevector <16 x float> %v14, <16 x float> poison, <16 x i32> zeroinitializer
  %v16 = fmul <16 x float> %v13, %v15
  %v17 = fadd contract <16 x float> %v11, %v16
  %v18 = insertelement <16 x float> poison, float %v3, i64 0
  %v19 = shufflevector <16 x float> %v18, <16 x float> poison, <16 x i32> zeroinitializer
  %v20 = fmul <16 x float> %v17, %v19
  %p21 = getelementptr float, ptr %base2, i64 %i0
  %v22 = load <16 x float>, ptr %p21, align 4
  %v23 = fsub contract <16 x float> %v22, %v20
  %p24 = getelementptr float, ptr %base3, i64 %i0
  store <16 x float> %v17, ptr %p24, align 4
  %p25 = getelementptr float, ptr %base4, i64 %i0
  store <16 x float> %v23, ptr %p25, align 4
  br label %latch0
latch0:
  %i0_next = add nsw i64 %i0, 16
  br label %head0, !llvm.loop !1001
exit0:
  br label %enter1
enter1:
  br label %head1
head1:
  %i1 = phi i64 [ %v6, %enter1 ], [ %i1_next, %latch1 ]
  %i1_on = icmp slt i64 %i1, %end
  br i1 %i1_on, label %body1, label %exit1
body1:
  %v26 = sub nsw i64 %end, %i1
  %v27 = call i64 @llvm.smin.i64(i64 %v26, i64 16)
  %v28 = trunc i64 %v27 to i32
  %v29 = insertelement <16 x i32> poison, i32 %v28, i64 0
  %v30 = shufflevector <16 x i32> %v29, <16 x i32> poison, <16 x i32> zeroinitializer
  %v31 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v30
  %p32 = getelementptr float, ptr %base0, i64 %i1
  %v33 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p32, i32 4, <16 x i1> %v31, <16 x float> zeroinitializer)
  %v34 = insertelement <16 x float> poison, float %v1, i64 0
  %v35 = shufflevector <16 x float> %v34, <16 x float> poison, <16 x i32> zeroinitializer
  %v36 = fmul <16 x float> %v33, %v35
  %p37 = getelementptr float, ptr %base1, i64 %i1
  %v38 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p37, i32 4, <16 x i1> %v31, <16 x float> zeroinitializer)
  %v39 = insertelement <16 x float> poison, float %v2, i64 0
  %v40 = shufflevector <16 x float> %v39, <16 x float> poison, <16 x i32> zeroinitializer
  %v41 = fmul <16 x float> %v38, %v40
  %v42 = fadd contract <16 x float> %v36, %v41
  %v43 = insertelement <16 x float> poison, float %v3, i64 0
  %v44 = shufflevector <16 x float> %v43, <16 x float> poison, <16 x i32> zeroinitializer
  %v45 = fmul <16 x float> %v42, %v44
  %p46 = getelementptr float, ptr %base2, i64 %i1
  %v47 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p46, i32 4, <16 x i1> %v31, <16 x float> zeroinitializer)
  %v48 = fsub contract <16 x float> %v47, %v45
  %p49 = getelementptr float, ptr %base3, i64 %i1
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v42, ptr %p49, i32 4, <16 x i1> %v31)
  %p50 = getelementptr float, ptr %base4, i64 %i1
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v48, ptr %p50, i32 4, <16 x i1> %v31)
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
