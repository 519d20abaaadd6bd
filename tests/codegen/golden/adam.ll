; minus+times+plus+sqrt+over
declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, i32, <16 x i1>, <16 x float>)
declare <16 x float> @llvm.sqrt.v16f32(<16 x float>)
declare i64 @llvm.smin.i64(i64, i64)
declare void @llvm.masked.store.v16f32.p0(<16 x float>, ptr, i32, <16 x i1>)
define void @kernel(ptr noalias %pointers, ptr noalias %numbers, i64 %begin, i64 %end, ptr noalias %scratch) nounwind {
entry:
  %num0_cell = getelementptr i64, ptr %numbers, i64 0
  %num0 = load i64, ptr %num0_cell
  %num1_cell = getelementptr i64, ptr %numbers, i64 1
  %num1 = load double, ptr %num1_cell
  %num2_cell = getelementptr i64, ptr %numbers, i64 2
  %num2 = load i64, ptr %num2_cell
  %num3_cell = getelementptr i64, ptr %numbers, i64 3
  %num3 = load double, ptr %num3_cell
  %num4_cell = getelementptr i64, ptr %numbers, i64 4
  %num4 = load double, ptr %num4_cell
  %num5_cell = getelementptr i64, ptr %numbers, i64 5
  %num5 = load double, ptr %num5_cell
  %num6_cell = getelementptr i64, ptr %numbers, i64 6
  %num6 = load double, ptr %num6_cell
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
  %v1 = sitofp i64 %num0 to float
  %v2 = fptrunc double %num1 to float
  %v3 = fsub contract float 0x3FF0000000000000, %v2
  %v4 = sitofp i64 %num2 to float
  %v5 = fptrunc double %num3 to float
  %v6 = fsub contract float 0x3FF0000000000000, %v5
  %v7 = fptrunc double %num4 to float
  %v8 = fptrunc double %num5 to float
  %v9 = fptrunc double %num6 to float
  %v10 = sub nsw i64 %end, %begin
  %v11 = and i64 %v10, -16
  %v12 = add nsw i64 %begin, %v11
  br label %enter0
enter0:
  br label %head0
head0:
  %i0 = phi i64 [ %begin, %enter0 ], [ %i0_next, %latch0 ]
  %i0_on = icmp slt i64 %i0, %v12
  br i1 %i0_on, label %body0, label %exit0
body0:
  %p13 = getelementptr float, ptr %base0, i64 %i0
  %v14 = load <16 x float>, ptr %p13, align 4
  %v15 = insertelement <16 x float> poison, float %v1, i64 0
  %v16 = shufflevector <16 x float> %v15, <16 x float> poison, <16 x i32> zeroinitializer
  %v17 = fsub contract <16 x float> %v14, %v16
  %v18 = insertelement <16 x float> poison, float %v3, i64 0
  %v19 = shufflevector <16 x float> %v18, <16 x float> poison, <16 x i32> zeroinitializer
  %v20 = fmul <16 x float> %v17, %v19
  %v21 = fadd contract <16 x float> %v16, %v20
  %v22 = insertelement <16 x float> poison, float %v4, i64 0
  %v23 = shufflevector <16 x float> %v22, <16 x float> poison, <16 x i32> zeroinitializer
  %v24 = insertelement <16 x float> poison, float %v5, i64 0
  %v25 = shufflevector <16 x float> %v24, <16 x float> poison, <16 x i32> zeroinitializer
  %v26 = fmul <16 x float> %v23, %v25
  %v27 = fmul <16 x float> %v14, %v14
  %v28 = insertelement <16 x float> poison, float %v6, i64 0
  %v29 = shufflevector <16 x float> %v28, <16 x float> poison, <16 x i32> zeroinitializer
  %v30 = fmul <16 x float> %v27, %v29
  %v31 = fadd contract <16 x float> %v26, %v30
  %v32 = call <16 x float> @llvm.sqrt.v16f32(<16 x float> %v31)
  %v33 = insertelement <16 x float> poison, float %v7, i64 0
  %v34 = shufflevector <16 x float> %v33, <16 x float> poison, <16 x i32> zeroinitializer
  %v35 = fdiv <16 x float> %v32, %v34
  %v36 = insertelement <16 x float> poison, float %v8, i64 0
  %v37 = shufflevector <16 x float> %v36, <16 x float> poison, <16 x i32> zeroinitializer
  %v38 = fadd contract <16 x float> %v35, %v37
  %v39 = fdiv <16 x float> %v21, %v38
  %v40 = insertelement <16 x float> poison, float %v9, i64 0
  %v41 = shufflevector <16 x float> %v40, <16 x float> poison, <16 x i32> zeroinitializer
  %v42 = fmul <16 x float> %v39, %v41
  %p43 = getelementptr float, ptr %base1, i64 %i0
  %v44 = load <16 x float>, ptr %p43, align 4
  %v45 = fsub contract <16 x float> %v44, %v42
  %p46 = getelementptr float, ptr %base2, i64 %i0
  store <16 x float> %v21, ptr %p46, align 4
  %p47 = getelementptr float, ptr %base3, i64 %i0
  store <16 x float> %v31, ptr %p47, align 4
  %p48 = getelementptr float, ptr %base4, i64 %i0
  store <16 x float> %v45, ptr %p48, align 4
  br label %latch0
latch0:
  %i0_next = add nsw i64 %i0, 16
  br label %head0, !llvm.loop !1001
exit0:
  br label %enter1
enter1:
  br label %head1
head1:
  %i1 = phi i64 [ %v12, %enter1 ], [ %i1_next, %latch1 ]
  %i1_on = icmp slt i64 %i1, %end
  br i1 %i1_on, label %body1, label %exit1
body1:
  %v49 = sub nsw i64 %end, %i1
  %v50 = call i64 @llvm.smin.i64(i64 %v49, i64 16)
  %v51 = trunc i64 %v50 to i32
  %v52 = insertelement <16 x i32> poison, i32 %v51, i64 0
  %v53 = shufflevector <16 x i32> %v52, <16 x i32> poison, <16 x i32> zeroinitializer
  %v54 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v53
  %p55 = getelementptr float, ptr %base0, i64 %i1
  %v56 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p55, i32 4, <16 x i1> %v54, <16 x float> zeroinitializer)
  %v57 = insertelement <16 x float> poison, float %v1, i64 0
  %v58 = shufflevector <16 x float> %v57, <16 x float> poison, <16 x i32> zeroinitializer
  %v59 = fsub contract <16 x float> %v56, %v58
  %v60 = insertelement <16 x float> poison, float %v3, i64 0
  %v61 = shufflevector <16 x float> %v60, <16 x float> poison, <16 x i32> zeroinitializer
  %v62 = fmul <16 x float> %v59, %v61
  %v63 = fadd contract <16 x float> %v58, %v62
  %v64 = insertelement <16 x float> poison, float %v4, i64 0
  %v65 = shufflevector <16 x float> %v64, <16 x float> poison, <16 x i32> zeroinitializer
  %v66 = insertelement <16 x float> poison, float %v5, i64 0
  %v67 = shufflevector <16 x float> %v66, <16 x float> poison, <16 x i32> zeroinitializer
  %v68 = fmul <16 x float> %v65, %v67
  %v69 = fmul <16 x float> %v56, %v56
  %v70 = insertelement <16 x float> poison, float %v6, i64 0
  %v71 = shufflevector <16 x float> %v70, <16 x float> poison, <16 x i32> zeroinitializer
  %v72 = fmul <16 x float> %v69, %v71
  %v73 = fadd contract <16 x float> %v68, %v72
  %v74 = call <16 x float> @llvm.sqrt.v16f32(<16 x float> %v73)
  %v75 = insertelement <16 x float> poison, float %v7, i64 0
  %v76 = shufflevector <16 x float> %v75, <16 x float> poison, <16 x i32> zeroinitializer
  %v77 = fdiv <16 x float> %v74, %v76
  %v78 = insertelement <16 x float> poison, float %v8, i64 0
  %v79 = shufflevector <16 x float> %v78, <16 x float> poison, <16 x i32> zeroinitializer
  %v80 = fadd contract <16 x float> %v77, %v79
  %v81 = fdiv <16 x float> %v63, %v80
  %v82 = insertelement <16 x float> poison, float %v9, i64 0
  %v83 = shufflevector <16 x float> %v82, <16 x float> poison, <16 x i32> zeroinitializer
  %v84 = fmul <16 x float> %v81, %v83
  %p85 = getelementptr float, ptr %base1, i64 %i1
  %v86 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p85, i32 4, <16 x i1> %v54, <16 x float> zeroinitializer)
  %v87 = fsub contract <16 x float> %v86, %v84
  %p88 = getelementptr float, ptr %base2, i64 %i1
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v63, ptr %p88, i32 4, <16 x i1> %v54)
  %p89 = getelementptr float, ptr %base3, i64 %i1
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v73, ptr %p89, i32 4, <16 x i1> %v54)
  %p90 = getelementptr float, ptr %base4, i64 %i1
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v87, ptr %p90, i32 4, <16 x i1> %v54)
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

; minus+times+plus+sqrt+over
declare <16 x float> @llvm.masked.load.v16f32.p0(ptr, i32, <16 x i1>, <16 x float>)
declare <16 x float> @llvm.sqrt.v16f32(<16 x float>)
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
  %num3_cell = getelementptr i64, ptr %numbers, i64 3
  %num3 = load double, ptr %num3_cell
  %num4_cell = getelementptr i64, ptr %numbers, i64 4
  %num4 = load double, ptr %num4_cell
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
  %base5_cell = getelementptr ptr, ptr %pointers, i64 5
  %base5 = load ptr, ptr %base5_cell
  %base6_cell = getelementptr ptr, ptr %pointers, i64 6
  %base6 = load ptr, ptr %base6_cell
  %v1 = fptrunc double %num0 to float
  %v2 = fsub contract float 0x3FF0000000000000, %v1
  %v3 = fptrunc double %num1 to float
  %v4 = fsub contract float 0x3FF0000000000000, %v3
  %v5 = fptrunc double %num2 to float
  %v6 = fptrunc double %num3 to float
  %v7 = fptrunc double %num4 to float
  %v8 = sub nsw i64 %end, %begin
  %v9 = and i64 %v8, -16
  %v10 = add nsw i64 %begin, %v9
  br label %enter0
enter0:
  br label %head0
head0:
  %i0 = phi i64 [ %begin, %enter0 ], [ %i0_next, %latch0 ]
  %i0_on = icmp slt i64 %i0, %v10
  br i1 %i0_on, label %body0, label %exit0
body0:
  %p11 = getelementptr float, ptr %base0, i64 %i0
  %v12 = load <16 x float>, ptr %p11, align 4
  %p13 = getelementptr float, ptr %base1, i64 %i0
  %v14 = load <16 x float>, ptr %p13, align 4
  %v15 = fsub contract <16 x float> %v12, %v14
  %v16 = insertelement <16 x float> poison, float %v2, i64 0
  %v17 = shufflevector <16 x float> %v16, <16 x float> poison, <16 x i32> zeroinitializer
  %v18 = fmul <16 x float> %v15, %v17
  %v19 = fadd contract <16 x float> %v14, %v18
  %p20 = getelementptr float, ptr %base2, i64 %i0
  %v21 = load <16 x float>, ptr %p20, align 4
  %v22 = insertelement <16 x float> poison, float %v3, i64 0
  %v23 = shufflevector <16 x float> %v22, <16 x float> poison, <16 x i32> zeroinitializer
  %v24 = fmul <16 x float> %v21, %v23
  %v25 = fmul <16 x float> %v12, %v12
  %v26 = insertelement <16 x float> poison, float %v4, i64 0
  %v27 = shufflevector <16 x float> %v26, <16 x float> poison, <16 x i32> zeroinitializer
  %v28 = fmul <16 x float> %v25, %v27
  %v29 = fadd contract <16 x float> %v24, %v28
  %v30 = call <16 x float> @llvm.sqrt.v16f32(<16 x float> %v29)
  %v31 = insertelement <16 x float> poison, float %v5, i64 0
  %v32 = shufflevector <16 x float> %v31, <16 x float> poison, <16 x i32> zeroinitializer
  %v33 = fdiv <16 x float> %v30, %v32
  %v34 = insertelement <16 x float> poison, float %v6, i64 0
  %v35 = shufflevector <16 x float> %v34, <16 x float> poison, <16 x i32> zeroinitializer
  %v36 = fadd contract <16 x float> %v33, %v35
  %v37 = fdiv <16 x float> %v19, %v36
  %v38 = insertelement <16 x float> poison, float %v7, i64 0
  %v39 = shufflevector <16 x float> %v38, <16 x float> poison, <16 x i32> zeroinitializer
  %v40 = fmul <16 x float> %v37, %v39
  %p41 = getelementptr float, ptr %base3, i64 %i0
  %v42 = load <16 x float>, ptr %p41, align 4
  %v43 = fsub contract <16 x float> %v42, %v40
  %p44 = getelementptr float, ptr %base4, i64 %i0
  store <16 x float> %v19, ptr %p44, align 4
  %p45 = getelementptr float, ptr %base5, i64 %i0
  store <16 x float> %v29, ptr %p45, align 4
  %p46 = getelementptr float, ptr %base6, i64 %i0
  store <16 x float> %v43, ptr %p46, align 4
  br label %latch0
latch0:
  %i0_next = add nsw i64 %i0, 16
  br label %head0, !llvm.loop !1001
exit0:
  br label %enter1
enter1:
  br label %head1
head1:
  %i1 = phi i64 [ %v10, %enter1 ], [ %i1_next, %latch1 ]
  %i1_on = icmp slt i64 %i1, %end
  br i1 %i1_on, label %body1, label %exit1
body1:
  %v47 = sub nsw i64 %end, %i1
  %v48 = call i64 @llvm.smin.i64(i64 %v47, i64 16)
  %v49 = trunc i64 %v48 to i32
  %v50 = insertelement <16 x i32> poison, i32 %v49, i64 0
  %v51 = shufflevector <16 x i32> %v50, <16 x i32> poison, <16 x i32> zeroinitializer
  %v52 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v51
  %p53 = getelementptr float, ptr %base0, i64 %i1
  %v54 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p53, i32 4, <16 x i1> %v52, <16 x float> zeroinitializer)
  %p55 = getelementptr float, ptr %base1, i64 %i1
  %v56 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p55, i32 4, <16 x i1> %v52, <16 x float> zeroinitializer)
  %v57 = fsub contract <16 x float> %v54, %v56
  %v58 = insertelement <16 x float> poison, float %v2, i64 0
  %v59 = shufflevector <16 x float> %v58, <16 x float> poison, <16 x i32> zeroinitializer
  %v60 = fmul <16 x float> %v57, %v59
  %v61 = fadd contract <16 x float> %v56, %v60
  %p62 = getelementptr float, ptr %base2, i64 %i1
  %v63 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p62, i32 4, <16 x i1> %v52, <16 x float> zeroinitializer)
  %v64 = insertelement <16 x float> poison, float %v3, i64 0
  %v65 = shufflevector <16 x float> %v64, <16 x float> poison, <16 x i32> zeroinitializer
  %v66 = fmul <16 x float> %v63, %v65
  %v67 = fmul <16 x float> %v54, %v54
  %v68 = insertelement <16 x float> poison, float %v4, i64 0
  %v69 = shufflevector <16 x float> %v68, <16 x float> poison, <16 x i32> zeroinitializer
  %v70 = fmul <16 x float> %v67, %v69
  %v71 = fadd contract <16 x float> %v66, %v70
  %v72 = call <16 x float> @llvm.sqrt.v16f32(<16 x float> %v71)
  %v73 = insertelement <16 x float> poison, float %v5, i64 0
  %v74 = shufflevector <16 x float> %v73, <16 x float> poison, <16 x i32> zeroinitializer
  %v75 = fdiv <16 x float> %v72, %v74
  %v76 = insertelement <16 x float> poison, float %v6, i64 0
  %v77 = shufflevector <16 x float> %v76, <16 x float> poison, <16 x i32> zeroinitializer
  %v78 = fadd contract <16 x float> %v75, %v77
  %v79 = fdiv <16 x float> %v61, %v78
  %v80 = insertelement <16 x float> poison, float %v7, i64 0
  %v81 = shufflevector <16 x float> %v80, <16 x float> poison, <16 x i32> zeroinitializer
  %v82 = fmul <16 x float> %v79, %v81
  %p83 = getelementptr float, ptr %base3, i64 %i1
  %v84 = call <16 x float> @llvm.masked.load.v16f32.p0(ptr %p83, i32 4, <16 x i1> %v52, <16 x float> zeroinitializer)
  %v85 = fsub contract <16 x float> %v84, %v82
  %p86 = getelementptr float, ptr %base4, i64 %i1
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v61, ptr %p86, i32 4, <16 x i1> %v52)
  %p87 = getelementptr float, ptr %base5, i64 %i1
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v71, ptr %p87, i32 4, <16 x i1> %v52)
  %p88 = getelementptr float, ptr %base6, i64 %i1
  call void @llvm.masked.store.v16f32.p0(<16 x float> %v85, ptr %p88, i32 4, <16 x i1> %v52)
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
