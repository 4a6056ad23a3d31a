-- Tables and functions of campaigns; its GRANTs stand at its end.
SELECT 1;
