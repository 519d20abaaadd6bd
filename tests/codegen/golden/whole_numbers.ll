; floor_divide+remainder+plus
declare <8 x i64> @llvm.masked.load.v8i64.p0(ptr, i32, <8 x i1>, <8 x i64>)
declare i64 @llvm.smin.i64(i64, i64)
declare void @llvm.masked.store.v8i64.p0(<8 x i64>, ptr, i32, <8 x i1>)
define void @kernel(ptr noalias %pointers, ptr noalias %numbers, i64 %begin, i64 %end, ptr noalias %scratch) nounwind {
entry:
  %base0_cell = getelementptr ptr, ptr %pointers, i64 0
  %base0 = load ptr, ptr %base0_cell
  %base1_cell = getelementptr ptr, ptr %pointers, i64 1
  %base1 = load ptr, ptr %base1_cell
  %base2_cell = getelementptr ptr, ptr %pointers, i64 2
  %base2 = load ptr, ptr %base2_cell
  %base3_cell = getelementptr ptr, ptr %pointers, i64 3
  %base3 = load ptr, ptr %base3_cell
  %v1 = load i64, ptr %base1, align 8
  %v2 = insertelement <8 x i64> poison, i64 %v1, i64 0
  %v3 = shufflevector <8 x i64> %v2, <8 x i64> poison, <8 x i32> zeroinitializer
  %v4 = load i64, ptr %base2, align 8
  %v5 = insertelement <8 x i64> poison, i64 %v4, i64 0
  %v6 = shufflevector <8 x i64> %v5, <8 x i64> poison, <8 x i32> zeroinitializer
  %v7 = sub nsw i64 %end, %begin
  %v8 = and i64 %v7, -8
  %v9 = add nsw i64 %begin, %v8
  br label %enter0
enter0:
  br label %head0
head0:
  %i0 = phi i64 [ %begin, %enter0 ], [ %i0_next, %latch0 ]
  %i0_on = icmp slt i64 %i0, %v9
  br i1 %i0_on, label %body0, label %exit0
body0:
  %p10 = getelementptr i64, ptr %base0, i64 %i0
  %v11 = load <8 x i64>, ptr %p10, align 8
  %v12 = icmp eq <8 x i64> %v3, splat (i64 0)
  %v13 = icmp eq <8 x i64> %v3, splat (i64 -1)
  %v14 = or <8 x i1> %v12, %v13
  %v15 = select <8 x i1> %v14, <8 x i64> splat (i64 1), <8 x i64> %v3
  %v16 = sdiv <8 x i64> %v11, %v15
  %v17 = sub <8 x i64> splat (i64 0), %v11
  %v18 = select <8 x i1> %v13, <8 x i64> %v17, <8 x i64> %v16
  %v19 = select <8 x i1> %v12, <8 x i64> splat (i64 0), <8 x i64> %v18
  %v20 = mul <8 x i64> %v19, %v3
  %v21 = icmp ne <8 x i64> %v11, %v20
  %v22 = icmp ne <8 x i64> %v3, splat (i64 0)
  %v23 = and <8 x i1> %v21, %v22
  %v24 = icmp slt <8 x i64> %v11, splat (i64 0)
  %v25 = icmp slt <8 x i64> %v3, splat (i64 0)
  %v26 = xor <8 x i1> %v24, %v25
  %v27 = and <8 x i1> %v23, %v26
  %v28 = sub <8 x i64> %v19, splat (i64 1)
  %v29 = select <8 x i1> %v27, <8 x i64> %v28, <8 x i64> %v19
  %v30 = icmp eq <8 x i64> %v6, splat (i64 0)
  %v31 = icmp eq <8 x i64> %v6, splat (i64 -1)
  %v32 = or <8 x i1> %v30, %v31
  %v33 = select <8 x i1> %v32, <8 x i64> splat (i64 1), <8 x i64> %v6
  %v34 = sdiv <8 x i64> %v29, %v33
  %v35 = sub <8 x i64> splat (i64 0), %v29
  %v36 = select <8 x i1> %v31, <8 x i64> %v35, <8 x i64> %v34
  %v37 = select <8 x i1> %v30, <8 x i64> splat (i64 0), <8 x i64> %v36
  %v38 = mul <8 x i64> %v37, %v6
  %v39 = sub <8 x i64> %v29, %v38
  %v40 = select <8 x i1> %v30, <8 x i64> splat (i64 0), <8 x i64> %v39
  %v41 = icmp ne <8 x i64> %v40, splat (i64 0)
  %v42 = icmp slt <8 x i64> %v40, splat (i64 0)
  %v43 = icmp slt <8 x i64> %v6, splat (i64 0)
  %v44 = xor <8 x i1> %v42, %v43
  %v45 = and <8 x i1> %v41, %v44
  %v46 = add <8 x i64> %v40, %v6
  %v47 = select <8 x i1> %v45, <8 x i64> %v46, <8 x i64> %v40
  %v48 = add <8 x i64> %v47, %v11
  %p49 = getelementptr i64, ptr %base3, i64 %i0
  store <8 x i64> %v48, ptr %p49, align 8
  br label %latch0
latch0:
  %i0_next = add nsw i64 %i0, 8
  br label %head0, !llvm.loop !1001
exit0:
  br label %enter1
enter1:
  br label %head1
head1:
  %i1 = phi i64 [ %v9, %enter1 ], [ %i1_next, %latch1 ]
  %i1_on = icmp slt i64 %i1, %end
  br i1 %i1_on, label %body1, label %exit1
body1:
  %v50 = sub nsw i64 %end, %i1
  %v51 = call i64 @llvm.smin.i64(i64 %v50, i64 8)
  %v52 = trunc i64 %v51 to i32
  %v53 = insertelement <8 x i32> poison, i32 %v52, i64 0
  %v54 = shufflevector <8 x i32> %v53, <8 x i32> poison, <8 x i32> zeroinitializer
  %v55 = icmp slt <8 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7>, %v54
  %p56 = getelementptr i64, ptr %base0, i64 %i1
  %v57 = call <8 x i64> @llvm.masked.load.v8i64.p0(ptr %p56, i32 8, <8 x i1> %v55, <8 x i64> zeroinitializer)
  %v58 = icmp eq <8 x i64> %v3, splat (i64 0)
  %v59 = icmp eq <8 x i64> %v3, splat (i64 -1)
  %v60 = or <8 x i1> %v58, %v59
  %v61 = select <8 x i1> %v60, <8 x i64> splat (i64 1), <8 x i64> %v3
  %v62 = sdiv <8 x i64> %v57, %v61
  %v63 = sub <8 x i64> splat (i64 0), %v57
  %v64 = select <8 x i1> %v59, <8 x i64> %v63, <8 x i64> %v62
  %v65 = select <8 x i1> %v58, <8 x i64> splat (i64 0), <8 x i64> %v64
  %v66 = mul <8 x i64> %v65, %v3
  %v67 = icmp ne <8 x i64> %v57, %v66
  %v68 = icmp ne <8 x i64> %v3, splat (i64 0)
  %v69 = and <8 x i1> %v67, %v68
  %v70 = icmp slt <8 x i64> %v57, splat (i64 0)
  %v71 = icmp slt <8 x i64> %v3, splat (i64 0)
  %v72 = xor <8 x i1> %v70, %v71
  %v73 = and <8 x i1> %v69, %v72
  %v74 = sub <8 x i64> %v65, splat (i64 1)
  %v75 = select <8 x i1> %v73, <8 x i64> %v74, <8 x i64> %v65
  %v76 = icmp eq <8 x i64> %v6, splat (i64 0)
  %v77 = icmp eq <8 x i64> %v6, splat (i64 -1)
  %v78 = or <8 x i1> %v76, %v77
  %v79 = select <8 x i1> %v78, <8 x i64> splat (i64 1), <8 x i64> %v6
  %v80 = sdiv <8 x i64> %v75, %v79
  %v81 = sub <8 x i64> splat (i64 0), %v75
  %v82 = select <8 x i1> %v77, <8 x i64> %v81, <8 x i64> %v80
  %v83 = select <8 x i1> %v76, <8 x i64> splat (i64 0), <8 x i64> %v82
  %v84 = mul <8 x i64> %v83, %v6
  %v85 = sub <8 x i64> %v75, %v84
  %v86 = select <8 x i1> %v76, <8 x i64> splat (i64 0), <8 x i64> %v85
  %v87 = icmp ne <8 x i64> %v86, splat (i64 0)
  %v88 = icmp slt <8 x i64> %v86, splat (i64 0)
  %v89 = icmp slt <8 x i64> %v6, splat (i64 0)
  %v90 = xor <8 x i1> %v88, %v89
  %v91 = and <8 x i1> %v87, %v90
  %v92 = add <8 x i64> %v86, %v6
  %v93 = select <8 x i1> %v91, <8 x i64> %v92, <8 x i64> %v86
  %v94 = add <8 x i64> %v93, %v57
  %p95 = getelementptr i64, ptr %base3, i64 %i1
  call void @llvm.masked.store.v8i64.p0(<8 x i64> %v94, ptr %p95, i32 8, <8 x i1> %v55)
  br label %latch1
latch1:
  %i1_next = add nsw i64 %i1, 8
  br label %head1, !llvm.loop !1002
exit1:
  ret void
}
!1000 = !{!"llvm.loop.unroll.disable"}
!1001 = distinct !{!1001, !1000}
!1002 = distinct !{!1002, !1000}

; bitwise_and+cast
declare <16 x i64> @llvm.masked.load.v16i64.p0(ptr, i32, <16 x i1>, <16 x i64>)
declare i64 @llvm.smin.i64(i64, i64)
declare void @llvm.masked.store.v16i32.p0(<16 x i32>, ptr, i32, <16 x i1>)
define void @kernel(ptr noalias %pointers, ptr noalias %numbers, i64 %begin, i64 %end, ptr noalias %scratch) nounwind {
entry:
  %num0_cell = getelementptr i64, ptr %numbers, i64 0
  %num0 = load i64, ptr %num0_cell
  %base0_cell = getelementptr ptr, ptr %pointers, i64 0
  %base0 = load ptr, ptr %base0_cell
  %base1_cell = getelementptr ptr, ptr %pointers, i64 1
  %base1 = load ptr, ptr %base1_cell
  %v1 = sub nsw i64 %end, %begin
  %v2 = and i64 %v1, -64
  %v3 = add nsw i64 %begin, %v2
  br label %enter0
enter0:
  br label %head0
head0:
  %i0 = phi i64 [ %begin, %enter0 ], [ %i0_next, %latch0 ]
  %i0_on = icmp slt i64 %i0, %v3
  br i1 %i0_on, label %body0, label %exit0
body0:
  %p4 = getelementptr i64, ptr %base0, i64 %i0
  %v5 = load <16 x i64>, ptr %p4, align 8
  %v6 = insertelement <16 x i64> poison, i64 %num0, i64 0
  %v7 = shufflevector <16 x i64> %v6, <16 x i64> poison, <16 x i32> zeroinitializer
  %v8 = and <16 x i64> %v5, %v7
  %v9 = trunc <16 x i64> %v8 to <16 x i32>
  %p10 = getelementptr i32, ptr %base1, i64 %i0
  store <16 x i32> %v9, ptr %p10, align 4
  %v11 = add nsw i64 %i0, 16
  %p12 = getelementptr i64, ptr %base0, i64 %v11
  %v13 = load <16 x i64>, ptr %p12, align 8
  %v14 = and <16 x i64> %v13, %v7
  %v15 = trunc <16 x i64> %v14 to <16 x i32>
  %p16 = getelementptr i32, ptr %base1, i64 %v11
  store <16 x i32> %v15, ptr %p16, align 4
  %v17 = add nsw i64 %i0, 32
  %p18 = getelementptr i64, ptr %base0, i64 %v17
  %v19 = load <16 x i64>, ptr %p18, align 8
  %v20 = and <16 x i64> %v19, %v7
  %v21 = trunc <16 x i64> %v20 to <16 x i32>
  %p22 = getelementptr i32, ptr %base1, i64 %v17
  store <16 x i32> %v21, ptr %p22, align 4
  %v23 = add nsw i64 %i0, 48
  %p24 = getelementptr i64, ptr %base0, i64 %v23
  %v25 = load <16 x i64>, ptr %p24, align 8
  %v26 = and <16 x i64> %v25, %v7
  %v27 = trunc <16 x i64> %v26 to <16 x i32>
  %p28 = getelementptr i32, ptr %base1, i64 %v23
  store <16 x i32> %v27, ptr %p28, align 4
  br label %latch0
latch0:
  %i0_next = add nsw i64 %i0, 64
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
  %v29 = sub nsw i64 %end, %i1
  %v30 = call i64 @llvm.smin.i64(i64 %v29, i64 16)
  %v31 = trunc i64 %v30 to i32
  %v32 = insertelement <16 x i32> poison, i32 %v31, i64 0
  %v33 = shufflevector <16 x i32> %v32, <16 x i32> poison, <16 x i32> zeroinitializer
  %v34 = icmp slt <16 x i32> <i32 0, i32 1, i32 2, i32 3, i32 4, i32 5, i32 6, i32 7, i32 8, i32 9, i32 10, i32 11, i32 12, i32 13, i32 14, i32 15>, %v33
  %p35 = getelementptr i64, ptr %base0, i64 %i1
  %v36 = call <16 x i64> @llvm.masked.load.v16i64.p0(ptr %p35, i32 8, <16 x i1> %v34, <16 x i64> zeroinitializer)
  %v37 = insertelement <16 x i64> poison, i64 %num0, i64 0
  %v38 = shufflevector <16 x i64> %v37, <16 x i64> poison, <16 x i32> zeroinitializer
  %v39 = and <16 x i64> %v36, %v38
  %v40 = trunc <16 x i64> %v39 to <16 x i32>
  %p41 = getelementptr i32, ptr %base1, i64 %i1
  call void @llvm.masked.store.v16i32.p0(<16 x i32> %v40, ptr %p41, i32 4, <16 x i1> %v34)
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
